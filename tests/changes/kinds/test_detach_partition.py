"""``detach_partition``: at contract, concurrently where the server can."""

from __future__ import annotations

import pytest

from migrator.model.schema import Partition, Schema
from tests.changes.plans import Phase, Relation, TableName, drafts, plan, refusal, schema

PARENT = TableName("public", "t")
PARTS = (Partition(TableName("public", "p"), "FOR VALUES FROM (1) TO (10)"),)
REST = Partition(TableName("public", "rest"), "DEFAULT")
SQL = "ALTER TABLE t DETACH PARTITION p"


def known(*parts: Partition) -> Schema:
    parent = Relation(PARENT, kind="partitioned table", partition_key="RANGE (a)", partitions=parts)
    return schema(parent, Relation(TableName("public", "p"), kind="partition"))


@pytest.mark.parametrize("written", [SQL, f"{SQL} CONCURRENTLY"])
def test_contract_detaches_concurrently_and_alone(written: str):
    (step,) = drafts(written, Phase.CONTRACT, known(*PARTS))

    assert (step.sql, step.group) == ("ALTER TABLE public.t DETACH PARTITION public.p CONCURRENTLY", None)
    assert drafts(written, Phase.EXPAND, known(*PARTS)) == drafts(written, Phase.ROLLBACK, known(*PARTS)) == []


def test_beside_a_default_partition_it_takes_a_lock_for_a_moment():
    (step,) = drafts(f"{SQL} CONCURRENTLY", Phase.CONTRACT, known(*PARTS, REST))

    assert (step.sql, step.group) == ("ALTER TABLE public.t DETACH PARTITION public.p", "t")
    assert "cannot be done concurrently" in plan(SQL, known(*PARTS, REST)).notes[0]


def test_what_is_no_partition_of_the_table_is_refused():
    assert '"public.p" is no partition of "public.t"' in refusal(SQL, known(REST)).message
    assert "not known without a database" in refusal(SQL).message
