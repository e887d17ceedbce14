import pytest

from adapters.storage.store_url import mask_for, place_of


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("memory://", "memory://"),
        ("postgresql://u:pw@db:5432/keeper?sslmode=require", "postgresql://db:5432/keeper"),
        ("postgres://u:p%40w@one:5432,two:5433/keeper", "postgres://one:5432,two:5433/keeper"),
        ("postgresql://u:pw@[::1]:5432/keeper", "postgresql://[::1]:5432/keeper"),
        ("postgresql:///keeper?host=/run/postgresql&user=a@b", "postgresql:///keeper"),
        ("postgresql://db?password=hunter2", "postgresql://db"),
        ("postgresql://u:p@hunter2@db/keeper", "postgresql://db/keeper"),
        ("postgresql://u:hunter2@db/keeper#hunter2", "postgresql://db/keeper"),
        ("mongodb://u:hunter2@a:1,b:2/keeper?authSource=x", "mongodb://a:1,b:2/keeper"),
        ("hunter2", "***"),
    ],
)
def test_a_place_has_nothing_that_lets_somebody_in(url: str, place: str) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://u:hunter2@db/keeper", "cannot connect to postgresql://u:hunter2@db/keeper"),
        ("postgresql://u:hunter2@db/keeper", "invalid literal for int(): 'hunter2@db'"),
        ("postgresql://u:hun%74er2@db/keeper", "no such user: u:hunter2"),
        ("postgresql://u:hun%74er2@db/keeper", "no such user: u:hun%74er2"),
        ("postgresql://u:hun/ter2@db/keeper", "invalid literal for int(): 'hun'; no database 'ter2@db'"),
        ("postgresql://u:hun?ter2@db/keeper", "bad query field: 'ter2@db/keeper'"),
        ("postgresql://u:p@hun@ter2@db/keeper", "no host p@hun@ter2@db"),
        ("postgresql://db/keeper?password=hun&ter2", "bad query field: 'ter2'; password hun is wrong"),
        ("postgresql://db/keeper?password=hun+ter2", "the password is 'hun ter2'"),
        ("postgresql://db/keeper?sslpassword=hunter2", "sslpassword hunter2"),
        ("postgresql://db/keeper#hunter2", "what is hunter2"),
    ],
)
def test_no_part_of_a_password_is_left_in_what_a_driver_says(url: str, text: str) -> None:
    masked = mask_for(url)(text)

    assert "***" in masked
    assert not any(part in masked for part in ("hun", "ter2"))


def test_what_is_no_secret_is_left() -> None:
    mask = mask_for("postgresql://keeper:keep@db:5432/keeper?sslmode=nonsense&host=db2", "memory://", "")

    text = "PostgreSQL: sslmode nonsense of db2 for user keeper on db:5432, keeping"
    assert mask(text) == text


def test_several_urls_are_masked_at_once() -> None:
    mask = mask_for("postgresql://u:hunter2@db/x", "http://me:sesame@proxy:1")

    assert mask("hunter2 and sesame") == "*** and ***"
