"""Who may say that something was renamed, and what is no answer."""

from __future__ import annotations

import pytest

from migrator.errors import UsageError
from migrator.integrations.alembic.renaming import Came, Gone, answers, renamed

NAME, MAIL = Gone("users.name", "name"), Gone("users.mail", "mail")
NEW = Came("full_name", fits=("users.name", "users.mail"))


def test_nothing_is_guessed_and_every_open_question_is_named():
    with pytest.raises(UsageError) as caught:
        renamed("column", [NAME, MAIL], [NEW], answers([], [], None))

    assert caught.value.detail == "users.name may have become full_name\nusers.mail may have become full_name"


def test_what_does_not_fit_is_no_question():
    assert renamed("column", [NAME], [Came("born")], answers([], [], None)) == {}


def test_a_hint_settles_it_for_the_others_as_well():
    hinted = Came("full_name", NEW.fits, hinted=True, renamed_from="name")

    assert renamed("column", [NAME, MAIL], [hinted], answers([], [], None)) == {"name": "full_name"}


def test_a_hint_about_what_is_not_there_any_more_is_history():
    hinted = Came("full_name", NEW.fits, hinted=True, renamed_from="title")

    assert renamed("column", [NAME], [hinted], answers([], [], None)) == {}


def test_an_answer_settles_it():
    said = answers(["users.mail:full_name"], [], None)

    assert renamed("column", [NAME, MAIL], [NEW], said) == {"mail": "full_name"}
    said.require_used()


def test_asking_ends_with_the_first_yes():
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return "mail" in question

    assert renamed("column", [NAME, MAIL], [NEW], answers([], [], ask)) == {"mail": "full_name"}
    assert asked == [
        "was column users.name renamed to full_name?",
        "was column users.mail renamed to full_name?",
    ]


@pytest.mark.parametrize(
    ("renames", "drops"),
    [(["users.name"], []), (["users.name:a", "users.name:b"], []), (["users.name:a"], ["users.name"]), (["a:b.c"], [])],
)
def test_answers_that_cannot_be(renames: list[str], drops: list[str]):
    with pytest.raises(UsageError):
        answers(renames, drops, None)


def test_hint_and_answer_that_disagree_are_refused():
    hinted = Came("full_name", NEW.fits, hinted=True, renamed_from="name")

    with pytest.raises(UsageError, match="something else"):
        renamed("column", [NAME, MAIL], [hinted], answers(["users.mail:full_name"], [], None))


def test_two_hints_on_one_column_are_refused():
    both = [Came(name, (), hinted=True, renamed_from="name") for name in ("a", "b")]

    with pytest.raises(UsageError, match="two models"):
        renamed("column", [NAME], both, answers([], [], None))
