"""Letters to owners: one for each thing that happened, to whom it may concern, also after a kill."""

import socket
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from conversions.domain import notices
from conversions.domain.delivery_health import note_failures, point_out, watch_deliveries
from conversions.domain.notices import recipients_of, send_due_notices, tell_of_disabling
from conversions.domain.outbox import write_postbacks
from conversions.models import Destination, DestinationNotice, Postback
from tests.conversions.postbacks.rows import make_conversion, make_generic
from tests.world import NOON
from tracker_project.common.egress import InsideTransaction

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TEAM = "team@operator.example"


@pytest.fixture(autouse=True)
def _mail_is_set_up(settings):
    settings.EMAIL_HOST = "mail.operator.example"
    settings.PUBLIC_WEB_URL = "https://tracker.operator.example"
    settings.NOTIFY_EMAILS = [TEAM]


def make_owner(**columns) -> User:
    return User.objects.create_user("carol", **{"email": "carol@operator.example"} | columns)


def send(at=NOON) -> int:
    return send_due_notices(clock=lambda: at)


def notice_states() -> list[tuple[str, str]]:
    return list(DestinationNotice.objects.order_by("pk").values_list("state", "state_reason"))


def die(*args, **kwargs):
    raise KeyboardInterrupt


@pytest.mark.django_db(transaction=True)
def test_the_owner_and_the_team_are_told_once_that_a_destination_was_switched_off(mailoutbox):
    destination = make_generic(name="Lotus", owner=make_owner())

    point_out(destination, "The receiver says that it is gone (410).", pauses=True, at=NOON)
    point_out(destination, "The receiver says that it is gone (410).", pauses=True, at=NOON)

    assert (send(), send(NOON + HOUR)) == (1, 0)
    [letter] = mailoutbox
    assert (letter.to, letter.subject) == (["carol@operator.example", TEAM], "Lotus was switched off")
    assert "The receiver says that it is gone (410)." in letter.body
    assert f"https://tracker.operator.example/admin/conversions/destination/{destination.pk}/change/" in letter.body
    assert notice_states() == [("done", "")]


@pytest.mark.django_db
def test_what_pauses_nothing_is_no_letter():
    point_out(make_generic(), "Its certificate is not accepted.", pauses=False, at=NOON)

    assert notice_states() == []


@pytest.mark.django_db
def test_five_days_of_failures_are_told_of():
    destination = make_generic(name="Lotus", failing_since=NOON - 5 * DAY)

    note_failures({destination: "It answered 500."}, at=NOON)
    note_failures({destination: "It answered 500."}, at=NOON)

    notice = DestinationNotice.objects.get()
    assert (notice.kind, notice.subject) == ("disabled", "Lotus was switched off")
    assert "Nothing got through for five days: It answered 500." in notice.text


@pytest.mark.django_db
def test_an_alarm_is_told_of_when_it_is_raised_and_not_while_its_figures_change():
    make_generic(name="Lotus", on_deposit=True)
    write_postbacks(make_conversion(), at=NOON - HOUR)

    watch_deliveries(at=NOON)
    write_postbacks(make_conversion(), at=NOON - HOUR)
    watch_deliveries(at=NOON + 5 * MINUTE)

    assert Destination.objects.get().alarm == "2 postbacks have waited for more than 15 minutes."
    assert list(DestinationNotice.objects.values_list("kind", "subject")) == [
        ("alarm", "Lotus: 1 postbacks have waited for more than 15 minutes.")
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("again_after", "letters"), [(HOUR, 1), (25 * HOUR, 2)])
def test_an_alarm_that_comes_and_goes_is_told_of_once_a_day(again_after, letters):
    make_generic(on_deposit=True)
    write_postbacks(make_conversion(), at=NOON - HOUR)
    watch_deliveries(at=NOON)
    Postback.objects.update(next_attempt_at=NOON + 10 * DAY)
    watch_deliveries(at=NOON + MINUTE)

    Postback.objects.update(next_attempt_at=NOON - HOUR)
    watch_deliveries(at=NOON + again_after)

    assert DestinationNotice.objects.count() == letters


@pytest.mark.django_db(transaction=True)
def test_two_who_watch_at_once_raise_an_alarm_once():
    make_generic(on_deposit=True)
    write_postbacks(make_conversion(), at=NOON - HOUR)
    barrier = threading.Barrier(2)

    def watch():
        barrier.wait()
        watch_deliveries(at=NOON)
        connection.close()

    threads = [threading.Thread(target=watch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert DestinationNotice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_send_at_once_send_a_letter_once(mailoutbox):
    tell_of_disabling(make_generic(), "It is gone.", at=NOON)
    barrier = threading.Barrier(2)

    def take_part():
        barrier.wait()
        send()
        connection.close()

    threads = [threading.Thread(target=take_part) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(mailoutbox), notice_states()) == (1, [("done", "")])


@pytest.mark.django_db(transaction=True)
def test_a_letter_whose_sender_died_goes_again_under_the_same_id(mailoutbox, monkeypatch):
    tell_of_disabling(make_generic(), "It is gone.", at=NOON)

    with monkeypatch.context() as patch:
        patch.setattr(notices, "_settle", die)
        with pytest.raises(KeyboardInterrupt):
            send()

    assert send(NOON + 4 * MINUTE) == 0
    assert send(NOON + 5 * MINUTE) == 1
    first, second = (letter.extra_headers["Message-ID"] for letter in mailoutbox)
    assert first == second == f"<{DestinationNotice.objects.get().message_id}@tracker.operator.example>"
    assert send(NOON + DAY) == 0


@pytest.mark.django_db(transaction=True)
def test_a_letter_that_nobody_sent_before_the_kill_goes_later(mailoutbox, monkeypatch):
    tell_of_disabling(make_generic(), "It is gone.", at=NOON)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", die)
        with pytest.raises(KeyboardInterrupt):
            send()

    send(NOON + 5 * MINUTE)

    assert len(mailoutbox) == 1


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_away_is_asked_again_and_given_up_in_the_end(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
    tell_of_disabling(make_generic(), "It is gone.", at=NOON)

    send()
    notice = DestinationNotice.objects.get()
    assert (notice.state, notice.tries, notice.next_attempt_at) == ("pending", 1, NOON + timedelta(seconds=5))
    for number in range(1, 8):
        send(NOON + number * DAY)

    [(state, reason)] = notice_states()
    assert (state, reason) == (
        "dead",
        "Given up after 8 tries. The mail server did not take it (ConnectionRefusedError).",
    )


@pytest.mark.django_db(transaction=True)
def test_a_letter_to_nobody_says_what_to_do(settings):
    settings.NOTIFY_EMAILS = []
    tell_of_disabling(make_generic(), "It is gone.", at=NOON)

    assert send() == 0
    assert notice_states() == [
        ("dead", "Nobody to write to: choose an owner with an e-mail address, or set NOTIFY_EMAILS.")
    ]


@pytest.mark.django_db(transaction=True)
def test_a_letter_without_a_mail_server_says_what_to_do(settings, mailoutbox):
    settings.EMAIL_HOST = ""
    tell_of_disabling(make_generic(), "It is gone.", at=NOON)

    assert (send(), mailoutbox) == (0, [])
    assert notice_states() == [("dead", "Mail is not set up: set EMAIL_HOST.")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, ["carol@operator.example", TEAM]),
        ({"email": TEAM}, [TEAM]),
        ({"email": ""}, [TEAM]),
        ({"is_active": False}, [TEAM]),
    ],
)
def test_recipients_are_the_owner_and_whom_the_settings_name_each_once(columns, expected):
    assert recipients_of(make_generic(owner=make_owner(**columns))) == expected


@pytest.mark.django_db(transaction=True)
def test_letters_are_not_sent_inside_a_transaction():
    with transaction.atomic(), pytest.raises(InsideTransaction):
        send()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"state": "done"}, "finished_notice_has_its_time"),
        ({"finished_at": NOON}, "finished_notice_has_its_time"),
        ({"state": "dead", "finished_at": NOON}, "unsent_notice_says_why"),
    ],
)
def test_a_notice_is_never_half_finished(columns, constraint):
    tell_of_disabling(make_generic(), "It is gone.", at=NOON)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        DestinationNotice.objects.update(**columns)
