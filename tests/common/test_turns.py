"""A turn runs all its statements or those before the first that fails, and leaves a connection that can go on."""

from contextlib import suppress

import pytest
from django.db import IntegrityError, NotSupportedError, OperationalError, ProgrammingError, connection, transaction

from tracker_project.common import turns
from tracker_project.common.prepared import fetch, gathered, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def notes():
    """Hold a table that no other test knows."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (id integer PRIMARY KEY, text text)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS notes")


def ids():
    return [pk for (pk,) in fetch("SELECT id FROM notes ORDER BY id", [])]


def write(pk):
    run("INSERT INTO notes (id, text) VALUES (%(id)s, 'all %% of it')", {"id": pk})


def prepared():
    return fetch("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["INSERT INTO notes%"])[0][0]


@transaction.atomic
def write_together(*pks):
    with gathered():
        for pk in pks:
            write(pk)


@pytest.mark.usefixtures("notes")
def test_run_at_once_plans_a_statement_once_that_comes_often():
    write_together(1, 2)
    write_together(3)

    assert (ids(), prepared()) == ([1, 2, 3], 1)
    assert fetch("SELECT text FROM notes WHERE id = 1", []) == [("all % of it",)]


@pytest.mark.usefixtures("notes")
def test_run_at_once_goes_on_without_plans_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(turns, "_MOST_PREPARED", 0)

    write_together(1, 2)

    assert (ids(), prepared()) == ([1, 2], 0)


@pytest.mark.usefixtures("notes")
def test_run_at_once_keeps_nothing_when_one_of_its_statements_fails():
    write(1)

    with pytest.raises(IntegrityError):
        write_together(2, 1, 3)
    write_together(4)

    assert (ids(), prepared()) == ([1, 4], 1)


def test_run_at_once_plans_anew_what_could_not_be_planned(request):
    with pytest.raises(ProgrammingError):
        write_together(1)
    request.getfixturevalue("notes")

    write_together(1)

    assert ids() == [1]


@transaction.atomic
def read_everything():
    return fetch("SELECT * FROM notes", [])


@pytest.mark.usefixtures("notes")
def test_run_at_once_plans_anew_once_a_table_has_changed():
    read_everything()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notes ADD COLUMN more text")

    with pytest.raises(NotSupportedError):
        read_everything()

    assert read_everything() == []


@pytest.mark.usefixtures("notes")
def test_run_at_once_plans_anew_what_psycopg_drops_after_a_rollback():
    write(1)
    with suppress(ZeroDivisionError), transaction.atomic():
        write(2)
        raise ZeroDivisionError

    write(3)

    assert (ids(), prepared()) == ([1, 3], 1)


@transaction.atomic
def write_and_break_off():
    with gathered():
        write(1)
        run("SELECT pg_terminate_backend(pg_backend_pid())", [])


@pytest.mark.usefixtures("notes")
def test_run_at_once_closes_a_connection_that_breaks_off():
    with pytest.raises(OperationalError):
        write_and_break_off()

    connection.close()
    assert ids() == []
