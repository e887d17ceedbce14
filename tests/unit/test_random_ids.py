import uuid

from adapters.system.ids import RandomIds


def test_a_persistence_id_is_a_random_uuid_in_its_usual_form() -> None:
    for given in (RandomIds().persistence_id() for _ in range(200)):
        parsed = uuid.UUID(given)

        assert str(parsed) == given
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_every_bit_of_a_persistence_id_but_those_of_its_form_is_random() -> None:
    numbers = [uuid.UUID(RandomIds().persistence_id()).int for _ in range(400)]

    always, never = ~0, 0
    for number in numbers:
        always &= number
        never |= number
    form = 0xF << 76 | 0b11 << 62
    varied = (never & ~always) & ((1 << 128) - 1)
    assert varied == ((1 << 128) - 1) & ~form, "chance of a false alarm: 244 / 2^400"
