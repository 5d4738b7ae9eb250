"""Files of operations, written and read at the same time."""

from __future__ import annotations

from pathlib import Path

from migrator.demo.records import Operation, Recorder, RecordReader, Seen


def test_what_is_recorded_is_read_back(tmp_path: Path):
    path = tmp_path / "records"
    done = Operation("shop-1", 2, "move", 12.5, 3.25, None, (Seen(1, 2, 3), Seen(4, 5, 6)), (Seen(7, 0, None),))
    failed = Operation("shop-1", 2, "read", 13.0, 0.5, '42703 column "total" does not exist')

    with Recorder(path) as recorder:
        reader = RecordReader(path, "shop-1", 2)
        reader.read()
        assert not reader.started
        recorder.started()
        recorder.add(done)
        reader.read()
        assert (reader.started, reader.operations) == (True, [done])
        recorder.add(failed)
        reader.read()

    assert reader.operations == [done, failed]


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path):
    path = tmp_path / "records"
    reader = RecordReader(path, "shop-1", 1)
    reader.read()
    path.write_text('["started"]\n["operation","read",1.0,2.0,nu')
    reader.read()
    assert (reader.started, reader.operations) == (True, [])

    with path.open("a") as file:
        file.write("ll,[],[]]\n")
    reader.read()

    assert [operation.kind for operation in reader.operations] == ["read"]
