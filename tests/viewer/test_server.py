"""The viewer's server: who may ask, what it answers, and what it says of files that are damaged."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from altar.errors import ConfigurationError
from altar.viewer import Viewer
from tests.trace import samples
from tests.viewer import specimen


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    path = specimen.lifelike(tmp_path_factory.mktemp("served") / "trips.jsonl")
    with Viewer(path) as running:
        settled(running)
        yield running


class Answer:
    def __init__(self, found: http.client.HTTPResponse) -> None:
        self.status = found.status
        self.headers = found.headers
        self.body = found.read()

    @property
    def json(self) -> dict:
        return json.loads(self.body)


def ask(viewer: Viewer, path: str, *, method: str = "GET", **headers: str) -> Answer:
    """Ask below the token; an absolute path is taken as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", viewer.port, timeout=30)
    whole = path if path.startswith(("/", "*")) else f"/{viewer.token}/{path}"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, whole, headers=names)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def settled(viewer: Viewer) -> dict:
    """The state once the file is read."""
    while (state := ask(viewer, "api/state").json)["reading"]:
        pass
    return state


def served(path: Path, question: str) -> dict:
    with Viewer(path) as viewer:
        settled(viewer)
        return ask(viewer, question).json


def rows(viewer: Viewer, **query: str) -> list[dict]:
    words = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return ask(viewer, f"api/traces?{words}").json["rows"]


# who may ask


def test_the_page_is_one_text_that_names_no_other_server(viewer: Viewer):
    page = ask(viewer, "")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"http" not in page.body.replace(b"http-equiv", b"").replace(b"`HTTP", b"").lower()
    assert len(page.body) <= 200_000


def test_every_answer_forbids_what_the_page_does_not_need(viewer: Viewer):
    for path in ("", "api/state", "no", "/", f"export/{'0' * 32}.html"):
        headers = ask(viewer, path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


def test_only_this_machine_is_listened_to(viewer: Viewer):
    assert viewer.url.startswith("http://127.0.0.1:")
    with socket.socket() as other, pytest.raises(OSError):
        other.connect(("127.0.0.2", viewer.port))


@pytest.mark.parametrize("path", ["/", "/api/state", "/x/api/state", "/%2e%2e/api/state", "//"])
def test_without_the_token_there_is_nothing(viewer: Viewer, path: str):
    assert ask(viewer, path).status == 404


def test_every_run_has_a_token_of_its_own(viewer: Viewer):
    with Viewer(viewer.path) as other:
        assert len(other.token) >= 20
        assert other.token != viewer.token
        assert ask(other, f"/{viewer.token}/api/state").status == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil:80", ""]
)
def test_another_name_for_this_host_is_refused_even_with_the_token(viewer: Viewer, host: str):
    """As after DNS rebinding."""
    assert ask(viewer, "api/state", Host=host).status == 403


def test_its_own_names_are_taken(viewer: Viewer):
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert ask(viewer, "api/state", Host=f"{host}:{viewer.port}").status == 200


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"},
    {"Origin": "http://127.0.0.1:1"}, {"Sec_Fetch_Site": "same-site"},
])  # fmt: skip
def test_what_another_site_has_the_browser_ask_is_refused(viewer: Viewer, headers: dict):
    assert ask(viewer, "api/state", **headers).status == 403


def test_the_page_itself_is_answered(viewer: Viewer):
    origin = f"http://127.0.0.1:{viewer.port}"
    assert ask(viewer, "api/state", Origin=origin, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_only_reading_is_allowed(viewer: Viewer, method: str):
    answer = ask(viewer, "api/state", method=method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_head_answers_the_head_alone(viewer: Viewer):
    assert ask(viewer, "", method="HEAD").body == b""
    assert int(ask(viewer, "", method="HEAD").headers["Content-Length"]) > 1000


@pytest.mark.parametrize("path", [
    "api", "api/", "api/nothing", "api/trace/", "api/trace/zzz", "api/spans/../state", "page.html",
    "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "export/x.html", "export/", "api/state/x", "\\..\\",
])  # fmt: skip
def test_a_path_that_is_none_is_not_found(viewer: Viewer, path: str):
    assert ask(viewer, quote(path, safe="/%.")).status == 404


@pytest.mark.parametrize("query", [
    "offset=-1", "offset=99999999999999999999", "limit=1e9", "sort=__class__", "order=up",
    "slow=abc", "from=x", "q=%00%ff", "n=1,2,x,-1,99999999999", "model=%F0", "q=" + "a" * 5000,
])  # fmt: skip
def test_a_query_that_makes_no_sense_is_harmless(viewer: Viewer, query: str):
    trace = rows(viewer)[0]["id"]
    for path in ("api/traces", f"api/trace/{trace}", f"api/spans/{trace}", f"api/search/{trace}"):
        answer = ask(viewer, f"{path}?{query}")
        assert answer.status == 200
        assert len(answer.body) < 1_000_000


def test_rubbish_instead_of_a_request_harms_nobody(viewer: Viewer):
    for data in (b"\0\xff\r\n\r\n", b"GET\r\n\r\n", b"GET http://[::1 HTTP/1.1\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", viewer.port), timeout=30) as raw:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            assert b"Traceback" not in raw.makefile("rb").read()
    assert ask(viewer, "api/state").status == 200


def test_closing_ends_it_at_once_and_frees_the_port(tmp_path: Path):
    path = specimen.write(tmp_path / "t.jsonl", specimen.trip(1, 0))
    with Viewer(path) as first:
        pass
    with Viewer(path, port=first.port) as second:
        assert second.port == first.port
        with pytest.raises(ConfigurationError, match="--port 0"):
            Viewer(path, port=second.port)


def test_a_file_or_port_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no trace file"):
        Viewer(tmp_path / "none.jsonl")
    with pytest.raises(ConfigurationError, match="port: expected"):
        Viewer(specimen.write(tmp_path / "t.jsonl"), port=70_000)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_ends_the_command_quietly(tmp_path: Path):
    path = specimen.write(tmp_path / "t.jsonl", specimen.trip(1, 0))
    code = """if True:
        import signal, sys
        from altar.viewer import serve
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
        serve(sys.argv[1], on_start=lambda url: print(url, flush=True))
    """
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        url = program.stdout.readline().decode().strip()
        assert urlsplit(url).hostname == "127.0.0.1"
        program.send_signal(signal.SIGINT)
        try:
            _, told = program.communicate(timeout=30)
        finally:
            program.kill()
        assert (program.returncode, told) == (0, b"")


# what it answers


def test_errors_come_first_then_what_is_new(viewer: Viewer):
    found = rows(viewer)
    ranks = [2 if row["failed"] else 1 if row["errors"] else 0 for row in found]
    assert ranks == sorted(ranks, reverse=True)
    assert set(ranks) == {0, 1, 2}
    fine = [int(row["start"]) for row in found if not row["errors"]]
    assert fine == sorted(fine, reverse=True)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("time", lambda row: int(row["start"])),
        ("duration", lambda row: row["duration"]),
        ("cost", lambda row: row["cost"]),
        ("tokens", lambda row: row["input"] + row["output"]),
        ("spans", lambda row: row["spans"]),
    ],
)
def test_traces_can_be_ordered_both_ways(viewer: Viewer, sort: str, key):
    down = [key(row) for row in rows(viewer, sort=sort)]
    up = [key(row) for row in rows(viewer, sort=sort, order="ascending")]
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)


def test_filters_narrow_the_list_and_combine(viewer: Viewer):
    assert all(row["errors"] for row in rows(viewer, error="1"))
    assert [row["running"] for row in rows(viewer, running="1")] == [True]
    assert {row["models"][0] for row in rows(viewer, model="gpt-5-mini-2026-01")} == {
        "gpt-5-mini-2026-01"
    }
    assert len(rows(viewer, tool="route")) == 23
    assert len(rows(viewer, kind="generate")) == 23
    assert [row["duration"] > 9e9 for row in rows(viewer, slow="9000")] == [True]
    assert 2 <= len(rows(viewer, slow="tenth")) <= 4
    assert rows(viewer, error="1", slow="9000") == []
    assert rows(viewer, model="no such model") == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("QUITO", 3),  # arguments, results and messages, in any case
        ("what do I still need for Quito", 3),  # thinking
        ("got 'seven'", 3),  # an error's message
        ("hit", 24),  # an event's attribute
        ("execute_tool route", 23),  # a name
        ("route Quito", 3),  # every word, in one span
        ("nowhere to be found", 0),
    ],
)
def test_search_finds_words_in_names_arguments_results_messages_and_errors(viewer, text, count):
    assert len(rows(viewer, q=text)) == count


def test_search_finds_a_trace_by_its_id_and_spans_within_one(viewer: Viewer):
    first = rows(viewer, q="quito")[0]
    assert [row["id"] for row in rows(viewer, q=first["id"][:12])] == [first["id"]]
    found = ask(viewer, f"api/search/{first['id']}?q=museum").json["found"]
    names = [
        ask(viewer, f"api/spans/{first['id']}?n={n}").json["spans"][str(n)]["name"] for n in found
    ]
    assert "execute_tool route" in names


def test_a_row_says_what_was_asked_and_what_it_took(viewer: Viewer):
    row = rows(viewer, sort="time", order="ascending")[0]
    assert row["title"] == "Plan two days in Lisbon for me, and keep the hotel below 140 euros."
    assert row["spans"] == 10
    spans = [s for s in specimen.trip(0, 0) if s["kind"] == "model"]
    usage = [s["attributes"] for s in spans]
    assert row["input"] == sum(u["gen_ai.usage.input_tokens"] for u in usage)  # not counted twice
    assert row["cost"] == pytest.approx(sum(float(u["altar.cost"]) for u in usage))


def test_pages_of_the_list_are_bounded_and_complete(viewer: Viewer):
    whole = [row["id"] for row in rows(viewer)]
    paged = [row["id"] for at in range(0, 24, 7) for row in rows(viewer, offset=str(at), limit="7")]
    assert paged == whole
    assert len(ask(viewer, "api/traces?limit=99999").json["rows"]) <= 500


def test_columns_tell_each_span_once_and_can_be_asked_for_from_a_number_on(viewer: Viewer):
    trace = rows(viewer)[0]
    whole = ask(viewer, f"api/trace/{trace['id']}").json
    rest = ask(viewer, f"api/trace/{trace['id']}?from=4").json
    assert whole["total"] == 10
    assert len({len(whole[name]) for name in ("key", "parent", "start", "name", "cost")}) == 1
    assert rest["key"] == whole["key"][4:]
    assert [rest["words"][n] for n in rest["name"]] == [
        whole["words"][n] for n in whole["name"][4:]
    ]


def test_a_result_is_the_same_whatever_ids_its_calls_have(tmp_path: Path):
    one = specimen.trip(5, 0)
    other = json.loads(
        json.dumps(one).replace("call_5_", "other_").replace(one[0]["trace"], "f" * 32)
    )
    changed = json.loads(
        json.dumps(one).replace("Turin", "Oslo").replace(one[0]["trace"], "e" * 32)
    )
    assert other != one
    with Viewer(specimen.write(tmp_path / "t.jsonl", one, other, changed)) as viewer:
        settled(viewer)
        digests = [
            ask(viewer, f"api/trace/{trace}?digest=1").json["digest"]
            for trace in (one[0]["trace"], "f" * 32, "e" * 32)
        ]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_tables_give_measured_percentiles_for_all_or_one(viewer: Viewer):
    found = ask(viewer, "api/tables").json
    assert [row["name"] for row in found["tools"]] == sorted(
        ("hotels", "route", "weather"),
        key=lambda name: -next(r["time"] for r in found["tools"] if r["name"] == name),
    )
    spans = [s for n in range(24) for s in (specimen.running() if n == 11 else specimen.trip(
        n, n * 7_300, fails=n % 7 == 2 or n == 8, is_slow=n == 14)) if s["name"] == "execute_tool weather"]  # fmt: skip
    lasting = sorted(s["end"] - s["start"] for s in spans)
    (weather,) = [row for row in found["tools"] if row["name"] == "weather"]
    assert (weather["count"], weather["errors"]) == (24, sum("error" in s for s in spans))
    assert (weather["p50"], weather["p99"]) == (lasting[11], lasting[23])
    assert sum(row["count"] for row in found["models"]) == 70
    one = ask(viewer, f"api/tables/{rows(viewer)[0]['id']}").json
    assert [row["count"] for row in one["tools"]] == [1, 1, 1]


def test_losses_and_what_can_be_filtered_by_are_told(viewer: Viewer):
    state = ask(viewer, "api/state").json
    assert state["losses"]["sampled_out"] == 118
    assert state["tools"] == ["hotels", "route", "weather"]
    assert state["kinds"] == ["generate", "model", "round", "tool"]
    assert (state["traces"], state["problem"]) == (24, None)


# files


def test_jsonl_and_sqlite_of_the_same_spans_look_the_same(tmp_path: Path):
    spans = samples.sample_trace(3, spans=40)
    samples.write_jsonl(tmp_path / "a.jsonl", spans)
    samples.write_sqlite(tmp_path / "a.db", spans)
    lists = [served(tmp_path / name, "api/traces") for name in ("a.jsonl", "a.db")]
    assert lists[0] == lists[1]
    tables = [served(tmp_path / name, "api/tables") for name in ("a.jsonl", "a.db")]
    assert tables[0] == tables[1]


def test_what_is_added_to_the_file_is_answered_next(tmp_path: Path):
    path = specimen.write(tmp_path / "t.jsonl", specimen.trip(1, 0))
    with Viewer(path) as viewer:
        before = settled(viewer)
        lines = [json.dumps(span) + "\n" for span in specimen.trip(2, 100)]
        with open(path, "a") as file:
            file.writelines(lines[:5])
            file.write(lines[5][:40])  # a line on its way
        during = settled(viewer)
        assert (during["spans"], during["traces"], during["losses"]["cut"]) == (15, 2, True)
        assert during["version"] != before["version"]
        with open(path, "a") as file:
            file.write(lines[5][40:])
            file.writelines(lines[6:])
        after = settled(viewer)
        assert (after["spans"], after["losses"]["cut"]) == (20, False)
        assert settled(viewer)["version"] == after["version"]


def test_a_file_written_anew_is_read_anew(tmp_path: Path):
    path = specimen.write(tmp_path / "t.jsonl", specimen.trip(1, 0), specimen.trip(2, 9))
    with Viewer(path) as viewer:
        before = settled(viewer)
        specimen.write(path, specimen.trip(3, 0))
        after = settled(viewer)
        assert (after["traces"], after["generation"]) == (1, before["generation"] + 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"some": "json"}\n', "no trace file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200) + b"\n", "no trace file"),
        (
            b'{"altar_trace": 7, "process": 1, "started": 1, "altar": "9"}\n',
            "version 7; this altar reads 1",
        ),
        (b"SQLite format 3\0" + b"\xff" * 2000, "database"),
    ],
)
def test_a_foreign_file_is_shown_as_such(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with Viewer(path) as viewer:
        state = settled(viewer)
        assert said in state["problem"]
        assert ask(viewer, "api/traces").json["rows"] == []
        specimen.write(path, specimen.trip(1, 0))  # and when it becomes one, it is read
        assert settled(viewer)["traces"] == 1


def test_damage_is_counted_and_the_rest_shown(tmp_path: Path):
    path = specimen.write(tmp_path / "t.jsonl", specimen.trip(1, 0))
    with open(path, "ab") as file:
        file.write(b"\xff\xfe no line\n[" * 3 + b"\n" + b'{"trace": 7}\n' + b"[" * 100_000 + b"\n")
        file.write(json.dumps(specimen.trip(1, 0)[0]).encode() + b"\n")  # one that is there already
        file.write(b'{"altar_trace_loss": {"dropped": 5, "sink_lost": 2}}\n{"cut')
    state = served(path, "api/state")
    assert state["spans"] == 10
    losses = state["losses"]
    assert losses["unreadable"] >= 3
    assert (losses["dropped"], losses["sink_lost"], losses["repeated"], losses["cut"]) == (
        5,
        2,
        1,
        True,
    )


def test_a_damaged_database_is_told_and_never_a_failure_of_the_server(tmp_path: Path):
    path = tmp_path / "t.db"
    samples.write_sqlite(path, samples.sample_trace(3, spans=400))
    whole = path.read_bytes()
    for begin in (100, 4096, len(whole) // 2, len(whole) - 5000):
        path.write_bytes(whole[:begin] + b"\xa5" * 3000 + whole[begin + 3000 :])
        with Viewer(path) as viewer:
            state = settled(viewer)
            assert state["problem"] or state["losses"]["unreadable"] or state["spans"] == 400
            assert ask(viewer, "api/traces?q=weather").status == 200
            assert ask(viewer, "api/tables").status == 200


def test_a_file_that_goes_away_leaves_what_was_read(tmp_path: Path):
    path = specimen.write(tmp_path / "t.jsonl", specimen.trip(1, 0))
    with Viewer(path) as viewer:
        settled(viewer)
        path.unlink()
        assert ask(viewer, "api/state").status == 200
        assert ask(viewer, "api/traces").status == 200


def test_hostile_text_and_numbers_are_answered_as_data(tmp_path: Path):
    path = specimen.write(tmp_path / "t.jsonl", specimen.hostile())
    with Viewer(path) as viewer:
        settled(viewer)
        (row,) = rows(viewer)
        assert row["cost"] is None
        assert ask(viewer, f"api/trace/{row['id']}?digest=1").json["total"] == 4
        assert len(rows(viewer, q="</script>")) == 1
        saved = ask(viewer, f"export/{row['id']}.html")
        assert (
            saved.headers["Content-Disposition"] == f'attachment; filename="trace-{row["id"]}.html"'
        )
        data = saved.body.split(b'id="data">')[1].split(b"</script>")[0]
        assert b"<" not in data
        assert json.loads(data)["spans"][3]["name"] == specimen.HOSTILE
