"""The mechanical rewrites: what they leave is clean, means the same, and is otherwise what it was byte for byte."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from migrator.lint.fixing import Fixed, fix, overlaid
from migrator.lint.registry import all_rules
from migrator.lint.repairs import Fixable
from migrator.lint.report import Report
from migrator.lint.rule import Bad, Rule
from migrator.lint.selection import select
from migrator.lint.sources import Source, of_bytes
from migrator.model.finding import Category, Finding, Severity
from migrator.model.plan import Phase
from migrator.planning.phase_file import read
from migrator.postgres.session import ServerError
from migrator.sql.parser import parse_script
from migrator.sql.tokens import tokens
from migrator.trace.scratch import Scratch
from tests.lint.linting import report_on
from tests.support.snapshot import snapshot
from tests.trace.stage import stage_for
from tests.trace.tracing import clean

RULES = [rule for rule in all_rules().values() if rule.fixable]
EXAMPLES = [pytest.param(rule, bad, id=f"{rule.code}-{n}") for rule in RULES for n, bad in enumerate(rule.bad)]
LEFT = {
    "BC001-1": "it stands in a migration already",
    "BC002-1": "it stands in a migration already",
    "BC004-1": "no kind of change moves a table to another schema",
    "LK012-1": "the old type is not known",
    "LK012-2": "the constraint is to be dropped and added anew, or kept",
    "BC003-1": "it stands in a migration already",
    "LK001-2": "the table it also makes would no longer commit with the index: --unsafe-fixes",
    "LK001-3": "an index on a partitioned table is built partition by partition",
    "LK002-1": "the file has no COMMIT",
    "LK007-0": "a trigger and a backfill take its place",
    "LK013-3": "a partitioned table takes no NOT VALID before 18",
    "LK015-2": "what is said of the index would have to be carried over",
    "LK015-3": "there is no safe form",
    "LK015-4": "a key of a partitioned table is built partition by partition",
    "LK017-2": "the steps share a group on purpose",
    "LK021-0": "no unique index is known",
    "LK031-0": "how long to wait is not for lint to say",
    "RB007-0": "COMMIT is missing, or BEGIN is too much",
    "RB007-2": "the runner's transaction may be meant",
}
"""Examples of fixable rules that --fix leaves, with the reason."""


def fixed(rule: Rule, bad: Bad, sql: str | bytes, *, with_unsafe: bool = False) -> Fixed:
    data = {"change.sql": sql.encode() if isinstance(sql, str) else sql, "earlier.sql": bad.earlier.encode()}

    def lint(files: Mapping[str, bytes]) -> Report:
        sources = [Source("earlier.sql", bad.earlier)] if bad.earlier else []
        sources.append(of_bytes("change.sql", data["change.sql"], bad.phase, phased=bad.phase is not None))
        report = report_on(*overlaid(sources, files), selection=select(["ALL", rule.code]), pg_version=bad.pg_version)
        report.findings = [finding for finding in report.findings if finding.file == "change.sql"]
        return report

    return fix(lint, lambda name: data[name], with_unsafe=with_unsafe, may_move=lambda _title, _statement: with_unsafe)


def text_of(result: Fixed, otherwise: str) -> str:
    return of_bytes("change.sql", result.after.get("change.sql", otherwise.encode())).text


def of_rule(rule: Rule, findings: list[Finding]) -> list[str]:
    return [finding.message for finding in findings if finding.code == rule.code]


def lint_once(rule: Rule, bad: Bad) -> list[Finding]:
    earlier = [Source("earlier.sql", bad.earlier)] if bad.earlier else []
    change = Source("change.sql", bad.sql, bad.phase, phased=bad.phase is not None)
    report = report_on(*earlier, change, selection=select(["ALL", rule.code]), pg_version=bad.pg_version)
    return [finding for finding in report.findings if finding.file == "change.sql"]


@pytest.mark.parametrize(("rule", "bad"), EXAMPLES)
def test_what_is_fixed_is_clean_and_brings_no_error(rule: Rule, bad: Bad, request: pytest.FixtureRequest):
    example = request.node.callspec.id
    before = fixed(rule, bad, bad.sql).report if example in LEFT else None
    result = fixed(rule, bad, bad.sql, with_unsafe=rule.fixable is Fixable.UNSAFE)

    assert not result.broken
    if before is not None:
        assert rule.code not in result.codes
        assert of_rule(rule, result.report.findings)
        return
    own = [each.repair for each in lint_once(rule, bad) if each.code == rule.code and each.repair]
    # what is done about a statement may be the fix of another rule as well
    assert result.codes[rule.code] == len(own) or result.codes.total() >= len(own) == 1
    assert of_rule(rule, result.report.findings) == []
    errors = {finding.code for finding in result.report.findings if finding.severity is Severity.ERROR}
    assert errors <= {finding.code for finding in lint_once(rule, bad)}


def test_a_rule_that_says_it_is_fixable_is_and_no_other():
    said, seen = {}, {}
    for rule in all_rules().values():
        said[rule.code] = rule.fixable
        problems = [
            finding.repair
            for bad in rule.bad
            for finding in lint_once(rule, bad)
            if finding.code == rule.code and finding.repair
        ]
        safe = any(repair.is_safe for repair in problems)
        seen[rule.code] = Fixable.SAFE if safe else Fixable.UNSAFE if problems else Fixable.NEVER

    assert seen == said


@pytest.mark.parametrize(("rule", "bad"), EXAMPLES)
def test_comments_between_words_survive_and_mislead_nobody(rule: Rule, bad: Bad):
    unsafe = rule.fixable is Fixable.UNSAFE
    words = tokens(bad.sql)
    pieces, place = [], 0
    for word in words:
        pieces += [bad.sql[place : word.end], "/* ADD INDEX, UNIQUE (; */ -- TABLE é, CHECK\r\n\t"]
        place = word.end
    commented = "".join([*pieces, bad.sql[place:]])

    plain, result = (fixed(rule, bad, sql, with_unsafe=unsafe) for sql in (bad.sql, commented))

    after = text_of(result, commented)
    assert [word.text for word in tokens(after)] == [word.text for word in tokens(text_of(plain, bad.sql))]
    assert "\n" not in after.replace("\r\n", "") or not result.after or "\n" in bad.sql
    removed = sum(1 for word in words if word.text not in {each.text for each in tokens(after)})
    kept = after.count("/* ADD INDEX, UNIQUE (; */ -- TABLE é, CHECK\r\n\t")
    assert kept >= len(words) - max(removed, 12)


OTHERWISE = {
    "BC016-0": "an identity column that can be written",
    "BC016-1": "an identity column that can be written",
    "LK007-1": "a virtual column",
    "LK011-2": "the check that proves it is validated as well",
    "LK014-1": "PostgreSQL's own name, users_check, is more likely to be taken",
    "LK023-0": "a CHECK that repeats the bounds of the partition stays behind (ALTER TABLE, DETACH PARTITION)",
}
"""Examples that end with a catalog that differs, with how."""


def test_the_server_ends_with_the_same_catalog(scratch: Scratch):
    ran, different = [], {}
    for example in EXAMPLES:
        rule, bad = example.values
        result = fixed(rule, bad, bad.sql, with_unsafe=rule.fixable is Fixable.UNSAFE)
        if bad.pg_version > scratch.runner.server_version or rule.category is Category.POLICY or not result.after:
            continue
        if result.moved:
            continue  # tests/lifecycle runs such migrations
        base = stage_for(bad.earlier, bad.sql) + bad.earlier
        try:
            before = catalog_after(scratch, base, bad.sql)
        except ServerError:
            continue
        after = catalog_after(scratch, base, text_of(result, ""))
        ran.append(rule.code)
        if after != before:
            different[example.id] = before ^ after
    clean(scratch)

    assert set(different) <= set(OTHERWISE), different
    assert len(set(ran)) >= 15, ran


def catalog_after(scratch: Scratch, base: str, sql: str) -> frozenset[str]:
    """What is there when all statements have run one by one, as psql sends them."""
    clean(scratch)
    admin = scratch.admin
    admin.execute("RESET ALL; SET client_min_messages = error")
    try:
        for statement in (*parse_script(base).statements, *parse_script(sql).statements):
            admin.execute(statement.text)
        return snapshot(admin)
    finally:
        if admin.in_transaction:
            admin.execute("ROLLBACK")
        admin.execute("DISCARD TEMP; RESET ALL")


PHASE_FILE = """\
-- step: index transaction=index undoes=nothing
-- locks: SHARE ON users: writes wait
-- a word to the reader
CREATE INDEX users_email ON users (email);

-- step: check transaction=check
ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17);

ALTER TABLE users ALTER COLUMN email SET NOT NULL;
ALTER TABLE users ADD UNIQUE (name);

-- step: pair-1 transaction=pair
CREATE INDEX users_age ON users (age);
-- step: pair-2 transaction=pair
COMMENT ON TABLE users IS 'all';
"""


def test_a_phase_file_keeps_its_steps_and_what_is_brief_its_timeouts():
    source = Source("contract.sql", PHASE_FILE, Phase.CONTRACT, phased=True)

    result = fix(lambda files: report_on(*overlaid([source], files)), lambda _: PHASE_FILE.encode())

    steps = read(result.after["contract.sql"].decode(), phase=Phase.CONTRACT, name="contract.sql")
    assert [(step.id, step.group, " ".join(step.sql.split()[:6])) for step in steps] == [
        ("index", None, "CREATE INDEX CONCURRENTLY users_email ON users"),
        ("check", "check", "ALTER TABLE users ADD CONSTRAINT adult"),
        ("check-1", None, "ALTER TABLE users VALIDATE CONSTRAINT adult"),
        ("statement-4", "statement-4", "ALTER TABLE users ADD CONSTRAINT users_email_not_null"),
        ("statement-3-1", None, "ALTER TABLE users VALIDATE CONSTRAINT users_email_not_null"),
        ("statement-3-2", "statement-3-2", "ALTER TABLE users ALTER COLUMN email"),
        ("statement-3-3", "statement-3-3", "ALTER TABLE users DROP CONSTRAINT users_email_not_null"),
        ("statement-4-1", None, "CREATE UNIQUE INDEX CONCURRENTLY users_name_key ON"),
        ("statement-9", "statement-9", "ALTER TABLE users ADD CONSTRAINT users_name_key"),
        ("pair-1", "pair", "CREATE INDEX users_age ON users (age)"),
        ("pair-2", "pair", "COMMENT ON TABLE users IS 'all'"),
    ]
    assert [finding.unfixed for finding in result.report.findings if finding.code == "LK001"] == [
        "other steps are in transaction=pair as well"
    ]


def test_many_fixes_take_no_more_rounds_than_few():
    statement = "CREATE INDEX i ON t (a);\nALTER TABLE t ADD CONSTRAINT c CHECK (b > 1);\n"

    def rounds_for(number: int) -> int:
        text = statement * number
        rounds = []

        def lint(files: Mapping[str, bytes]) -> Report:
            rounds.append(files)
            return report_on(*overlaid([Source("a.sql", text)], files))

        result = fix(lint, lambda _name: text.encode())
        assert result.codes["LK001"] == result.codes["LK014"] == number
        return len(rounds)

    assert rounds_for(200) == rounds_for(40) <= 4
