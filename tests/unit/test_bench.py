"""What the bench makes of its measurements: events, percentiles, CPU time, ratios, tables and plots."""

import itertools
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from adapters.event_json.strict_json import JsonLimits, decode_strictly
from benchmarks.bench.bodies import NUMBER, SESSION, SESSIONS, Requests, session_of, templates_of
from benchmarks.bench.closed_loop import WrkFailed, load_of
from benchmarks.bench.machine import cpu_model, memory_gib
from benchmarks.bench.open_loop import FAILED, REFUSED, SERVED, arrival_seconds, status_of
from benchmarks.bench.page import BEGIN, END, write_page
from benchmarks.bench.quartiles import Quartiles, percentile
from benchmarks.bench.resources import cpu_ticks, peak_kib
from benchmarks.bench.results import Commit, Results, Sample, load, save
from benchmarks.bench.sections import CONNECTIONS, CONTEXT_BYTES, PROCESSES, SECTIONS
from benchmarks.bench.subjects import SUBJECTS
from benchmarks.bench.tables import checks_table, main_table, table
from benchmarks.bench.targets import checks_of

SVG = "{http://www.w3.org/2000/svg}"


def sample(
    subject: str,
    rate: float = 1_000.0,
    *,
    number: int = 0,
    section: str = "main",
    load: str = "closed",
    context_bytes: int = 2_000,
    connections: int = 64,
    processes: int = 1,
    p50_ms: float = 1.0,
    p99_ms: float = 10.0,
    errors: int = 0,
    server_cpu: float = 0.2,
) -> Sample:
    return Sample(
        section=section,
        subject=subject,
        round=number,
        load=load,
        context_bytes=context_bytes,
        connections=connections,
        processes=processes,
        rate=rate,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        errors=errors,
        server_cpu=server_cpu,
        database_cpu=0.1 if SUBJECTS[subject].store == "postgresql" else None,
        memory_mib=80.0,
    )


def results_of(*samples: Sample, commits: list[Commit] | None = None) -> Results:
    return Results(
        date="2026-01-31",
        quick=False,
        machine={"cores": "2", "CPU": "Some"},
        sections=list(SECTIONS),
        samples=list(samples),
        commits=commits or [],
    )


def whole_run() -> Results:
    """A sample of each subject in each part."""
    samples = []
    for subject in SUBJECTS:
        samples += [sample(subject, 900.0 + 50 * number, number=number) for number in range(3)]
        samples += [sample(subject, 500.0, section="open", load=share) for share in ("50 %", "80 %")]
        samples += [sample(subject, section="sizes", context_bytes=size) for size in CONTEXT_BYTES]
        samples += [sample(subject, section="concurrency", connections=count) for count in CONNECTIONS]
        samples += [sample(subject, section="processes", processes=count) for count in PROCESSES]
    return results_of(*samples, commits=[Commit(store="postgresql", round=0, ms=1.0)])


class TestEvents:
    @pytest.mark.parametrize("context_bytes", CONTEXT_BYTES)
    def test_contexts_have_the_size_asked_for_and_no_more(self, context_bytes: int) -> None:
        for template in templates_of(context_bytes):
            context = json.loads(template.replace(NUMBER, "123456789"))["context"]
            size = len(json.dumps(context, ensure_ascii=False, separators=(",", ":")).encode())

            assert context_bytes - 200 <= size <= context_bytes

    def test_requests_are_whole_and_hold_what_the_service_takes(self) -> None:
        for number in range(20):
            head, _, body = Requests(2_000).request(number).partition(b"\r\n\r\n")
            event = decode_strictly(body, JsonLimits())

            assert f"content-length: {len(body)}".encode() in head
            assert isinstance(event, dict)
            assert event["sessionId"] == f"bench-{session_of(number):05d}"
            assert event["context"]["lastMessageId"] == f"{number:09d}"

    def test_each_template_has_each_place_once(self) -> None:
        for template in templates_of(300):
            assert (template.count(SESSION), template.count(NUMBER)) == (1, 1)

    def test_all_sessions_take_turns(self) -> None:
        assert len({session_of(number) for number in range(SESSIONS)}) == SESSIONS


class TestLoad:
    def test_the_last_line_of_wrk_is_what_counts(self) -> None:
        line = '{"requests": 3000, "seconds": 2.0, "p50_ms": 1.5, "p99_ms": 9.25, "errors": 2}'
        seen = load_of(f"Running 2s test\n  3000 requests in 2.00s\n\n{line}\n")

        assert (seen.rate, seen.p50_ms, seen.p99_ms, seen.errors) == (1_500.0, 1.5, 9.25, 2)

    def test_a_wrk_that_failed_is_told_with_its_words(self) -> None:
        with pytest.raises(WrkFailed, match="unable to connect"):
            load_of("", "unable to connect to 127.0.0.1:1 Connection refused\n")

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", SERVED),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: y\r\n\r\n", SERVED),
            (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", REFUSED),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FAILED),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", None),
            (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        ],
    )
    def test_an_answer_has_a_status_or_is_not_whole(self, answer: bytes, status: int | None) -> None:
        assert status_of(answer) == status

    def test_arrivals_are_random_and_the_same_each_time(self) -> None:
        arrivals = arrival_seconds(rate=1_000, seconds=10)

        assert arrivals == arrival_seconds(rate=1_000, seconds=10) == sorted(arrivals)
        assert 9_500 < len(arrivals) < 10_500
        assert arrivals[-1] < 10
        assert len({round(b - a, 6) for a, b in itertools.pairwise(arrivals)}) > 1_000


class TestFigures:
    def test_quartiles_of_one_round_and_of_many(self) -> None:
        assert Quartiles.of([3.0]) == (3.0, 3.0, 3.0)
        assert Quartiles.of([7.0, 1.0, 5.0, 3.0, 9.0]) == (3.0, 5.0, 7.0)

    def test_a_percentile_is_a_value_that_was_seen(self) -> None:
        values = [float(value) for value in range(1, 101)]

        assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 50.0, 99.0, 100.0]
        assert percentile([], 0.99) == 0.0

    def test_cpu_time_counts_both_modes_and_ended_children(self) -> None:
        before = "7 (a (b) c) S 1 7 7 0 -1 4194304 9 9 9 9"

        assert cpu_ticks(f"{before} 100 20 3 4 20 0 5 0 777") == 127

    def test_the_peak_of_memory(self) -> None:
        assert peak_kib("Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t  512 kB\nVmRSS:\t 100 kB\n") == 512
        assert peak_kib("Name:\tkernel thread\n") == 0

    def test_the_machine_is_described_or_unknown(self) -> None:
        assert cpu_model("processor\t: 0\nmodel name\t: Some CPU @ 2\n") == "Some CPU @ 2"
        assert cpu_model("") == "unknown"
        assert memory_gib("MemTotal:       2097152 kB\nMemFree: 1 kB\n") == 2.0

    def test_samples_are_selected_by_everything_they_were_measured_with(self) -> None:
        run = whole_run()

        assert [len(run.select("main", name)) for name in SUBJECTS] == [3] * len(SUBJECTS)
        assert len(run.select("sizes", "express-pg", context_bytes=8_000)) == 1
        assert run.select("open", "express-pg") == []

    def test_what_is_saved_is_loaded_again_line_by_line(self, tmp_path: Path) -> None:
        run = whole_run()
        save(run, tmp_path / "some" / "bench.json")

        assert load(tmp_path / "some" / "bench.json") == run
        text = (tmp_path / "some" / "bench.json").read_text()
        assert text.count("\n") >= len(run.samples)
        assert isinstance(json.loads(text), dict)


class TestChecks:
    def test_ratios_are_of_medians(self) -> None:
        rounds = [(100.0, 190.0), (110.0, 230.0), (90.0, 1_000.0)]
        run = results_of(
            *(sample("express-pg", theirs, number=n) for n, (theirs, _) in enumerate(rounds)),
            *(sample("keeper-postgresql", ours, number=n) for n, (_, ours) in enumerate(rounds)),
        )
        found = {check.name: (round(check.found, 2), check.passed) for check in checks_of(run)}

        assert found["postgresql: rate, × that of express-pg"] == (2.3, True)
        assert found["postgresql: p99, × that of express-pg"] == (1.0, True)

    def test_what_misses_its_bound_fails(self) -> None:
        run = results_of(
            sample("express-memory", 1_000),
            sample("keeper-memory", 1_399, server_cpu=0.31),
            sample("litestar-typed", 5_000, server_cpu=0.2),
        )

        assert [check.passed for check in checks_of(run)] == [False, False]
        assert [row.count("**fail**") for row in checks_table(run)[2:]] == [1, 1]

    def test_one_connection_is_held_to_a_commit_of_the_same_store(self) -> None:
        alone = sample("keeper-sqlite", section="concurrency", connections=1, p50_ms=1.39)
        slow, fast = (Commit(store="sqlite", round=0, ms=ms) for ms in (1.0, 0.9))

        assert [check.passed for check in checks_of(results_of(alone, commits=[slow]))] == [True]
        assert [check.passed for check in checks_of(results_of(alone, commits=[fast]))] == [False]

    def test_what_was_not_measured_is_neither_passed_nor_failed(self) -> None:
        assert checks_of(results_of(sample("keeper-memory"))) == []
        assert checks_table(results_of()) == []


class TestPage:
    def test_a_table_has_as_many_cells_in_each_row(self) -> None:
        assert table(["", "a"], [("x", "1")]) == ["|  | a |", "| --- | ---: |", "| x | 1 |"]

        widths = {row.count("|") for row in main_table(whole_run())}
        assert len(widths) == 1

    def test_only_what_stands_between_the_markers_is_renewed(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        page.write_text(f"# Above\n\n{BEGIN}\nold\n{END}\n\nBelow\n")
        write_page(whole_run(), page)
        once = page.read_text()
        write_page(whole_run(), page)

        assert page.read_text() == once
        assert once.startswith("# Above\n\n")
        assert once.endswith(f"{END}\n\nBelow\n")
        assert "old" not in once
        assert all(subject.title in once for subject in SUBJECTS.values())

    def test_each_plot_is_drawn_with_a_bar_for_each_value(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        page.write_text(f"{BEGIN}\n{END}\n")
        write_page(whole_run(), page)
        bars = {}
        for plot in (tmp_path / "performance").glob("*.svg"):
            assert f"](performance/{plot.name})" in page.read_text()
            rects = ET.parse(plot).getroot().iter(f"{SVG}rect")  # noqa: S314 - our own file
            bars[plot.stem] = sum(rect.get("height") == "13" for rect in rects)

        count, with_database = len(SUBJECTS), 5
        assert bars == {
            "throughput": count,
            "cpu": count + with_database,
            "latency": 2 * count,
            "sizes": 3 * count,
            "processes": 2 * count,
        }

    def test_parts_that_were_not_measured_are_left_out(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        page.write_text(f"{BEGIN}\n{END}\n")
        write_page(results_of(sample("express-pg", errors=3)), page)
        text = page.read_text()

        assert "## Side by side" in text
        assert "## Larger and smaller contexts" not in text
        assert "Requests failed in 1 measurements" in text
        assert [plot.stem for plot in sorted((tmp_path / "performance").iterdir())] == ["cpu", "throughput"]
