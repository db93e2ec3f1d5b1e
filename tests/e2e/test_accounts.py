"""Accounts in a real browser: the first sign-in by keyboard, passkeys, every page."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from portico.accounts.models import PasswordLink, PolicyConsent, User
from portico.accounts.services.password_links import invite
from portico.accounts.services.second_factors import choose_email_code
from portico.kernel.clock import utcnow
from tests.e2e.keyboard import heading, press, type_at, walk_to
from tests.e2e.screen import WIDTHS, Screen, Screens, assert_fine, take_width
from tests.factories import PASSWORD, make_installer
from tests.mails import code_in, last_mail, path_in, wrong

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def newcomer(username: str = "ida") -> User:
    """An installer whose account was just made."""
    user = make_installer(username)
    user.set_unusable_password()
    user.policy_version, user.email_confirmed_at = "", None
    user.save()
    return user


def enter(page: Page, username: str = "ida", password: str = PASSWORD) -> None:
    """Type user name and password on the sign-in page, by keyboard."""
    type_at(page, "User name or email", username)
    type_at(page, "Password", password)
    page.keyboard.press("Enter")


def test_first_sign_in_by_keyboard_from_the_mail_to_the_dashboard(
    screen: Screen,
) -> None:
    user, page = newcomer(), screen.page
    choose_email_code(user=user, chosen=False, now=utcnow())
    invite(actor=None, user=user, now=utcnow())
    screen.open(path_in(last_mail(user.email)))
    heading(page, "Set a password")
    type_at(page, "New password", PASSWORD)
    type_at(page, "New password again", PASSWORD)
    press(page, "Set password")
    heading(page, "Sign in")
    expect(page.get_by_text("Your password is set.")).to_be_visible()
    enter(page)
    heading(page, "Privacy Policy")
    press(page, "Agree")
    heading(page, "Service Provider Information")
    type_at(page, "Company", "Ida's doors")
    press(page, "Save and go on")
    heading(page, "Confirm your email")
    press(page, "Send a code")
    expect(page.get_by_text(f"We sent a mail to {user.email}")).to_be_visible()
    code = code_in(last_mail(user.email))
    type_at(page, "Code", f"{code[:3]} {code[3:]}")
    page.keyboard.press("Enter")
    heading(page, "Dashboard")
    assert PolicyConsent.objects.get(user=user).address == "127.0.0.1"
    assert PasswordLink.objects.get(user=user).used_at is not None
    assert screen.complaints == []


def test_disagreeing_signs_out(screen: Screen) -> None:
    user = newcomer()
    user.set_password(PASSWORD)
    user.save()
    screen.open("/installer/sites/")
    enter(screen.page)
    heading(screen.page, "Privacy Policy")
    press(screen.page, "Disagree and sign out")
    heading(screen.page, "Sign in")
    screen.open("/installer/sites/")
    heading(screen.page, "Sign in")
    assert not PolicyConsent.objects.filter(user=user).exists()


def test_code_by_mail_with_paste_timer_and_trust(screens: Screens) -> None:
    user = make_installer("ida")
    choose_email_code(user=user, chosen=True, now=utcnow())
    screen = screens()
    page = screen.page
    screen.open("/sign-in/")
    enter(page)
    heading(page, "Enter the code")
    again = page.get_by_role("button", name="Send a new code")
    expect(again).to_be_disabled()
    code = code_in(last_mail(user.email))
    type_at(page, "Code", wrong(code))
    page.keyboard.press("Enter")
    expect(page.get_by_text("This code is wrong.")).to_be_visible()
    page.wait_for_load_state("load")
    field = page.get_by_label("Code", exact=True)
    field.evaluate(
        """(field, text) => {
          const data = new DataTransfer();
          data.setData("text", text);
          field.value = "";
          field.dispatchEvent(new ClipboardEvent("paste",
            { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        f"  {code[:3]}-{code[3:]}\n",
    )
    expect(field).to_have_value(code)
    page.get_by_label("Trust this browser for 30 days").check()
    press(page, "Go on")
    heading(page, "Dashboard")
    page.get_by_role("button", name="Log out").click()
    enter(page)
    heading(page, "Dashboard")
    other = screens()
    other.open("/sign-in/")
    enter(other.page)
    heading(other.page, "Enter the code")


def add_authenticator(page: Page) -> None:
    """A device with a fingerprint reader, as the browser sees one."""
    driver = page.context.new_cdp_session(page)
    driver.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    driver.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def add_passkey(screen: Screen, *, alone: bool) -> None:
    """From the dashboard to the recovery codes, by keyboard."""
    page = screen.page
    screen.open("/installer/setting/two-factor/")
    walk_to(page, page.get_by_role("link", name="Add passkey"))
    page.keyboard.press("Enter")
    heading(page, "Is it you?")
    type_at(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    heading(page, "Add passkey")
    page.get_by_label("Sign in with this passkey alone").set_checked(alone)
    press(page, "Add passkey")
    heading(page, "Recovery codes")


@pytest.mark.parametrize("alone", [True, False])
def test_a_passkey_is_added_and_signs_in(screen: Screen, alone: bool) -> None:
    user = make_installer("ida")
    screen.sign_in(user)
    add_authenticator(screen.page)
    add_passkey(screen, alone=alone)
    page = screen.page
    codes = page.get_by_role("listitem").filter(has_text="0").all_inner_texts()
    assert all(code.isdigit() for code in codes if len(code) == 8)
    page.get_by_role("link", name="I have kept them").click()
    heading(page, "Setting")
    signs_alone = page.get_by_text("Signs in alone")
    expect(signs_alone).to_have_count(1 if alone else 0)
    page.get_by_role("button", name="Log out").click()
    if alone:
        press(page, "Use a passkey")
    else:
        enter(page)
        heading(page, "Second step")
        press(page, "Use passkey")
    heading(page, "Dashboard")
    assert screen.complaints == []
    assert "passkey was added" in str(last_mail(user.email).body)


def test_at_an_address_that_is_a_number_passkeys_say_why_not(screen: Screen) -> None:
    screen.base = screen.base.replace("localhost", "127.0.0.1")
    screen.open("/sign-in/")
    add_authenticator(screen.page)
    screen.page.get_by_role("button", name="Use a passkey").click()
    expect(screen.page.get_by_text("to a host name, not to a number")).to_be_visible()


def test_without_the_passkey_a_recovery_code_helps(screens: Screens) -> None:
    screen = screens()
    screen.sign_in(make_installer("ida"))
    add_authenticator(screen.page)
    add_passkey(screen, alone=False)
    code = screen.page.locator("#recovery-codes li").first.inner_text()
    screen.page.reload()
    expect(screen.page.locator("#recovery-codes")).to_have_count(0)
    for heads in ("Dashboard", "Second step"):
        other = screens()
        other.open("/sign-in/")
        add_authenticator(other.page)
        enter(other.page)
        heading(other.page, "Second step")
        press(other.page, "Use passkey")
        expect(other.page.get_by_text("The passkey was not used")).to_be_visible()
        type_at(other.page, "Code", code)
        other.page.keyboard.press("Enter")
        heading(other.page, heads)


SIGNED_OUT = [
    "/sign-in/",
    "/password/forgot/",
    "/password/set/nonsense/",
    "/residents/password/",
    "/residents/password/sms/",
    "/email/confirm/nonsense/",
]
SETTINGS = [
    "/installer/setting/",
    "/installer/setting/notification/",
    "/installer/setting/two-factor/",
    "/installer/setting/confirm/",
    "/installer/setting/sessions/",
    "/installer/privacy/",
    "/installer/privacy/provider/",
]


@WIDTHS
def test_pages_before_signing_in_are_accessible(screen: Screen, width: int) -> None:
    take_width(screen, width)
    for path in SIGNED_OUT:
        assert_quiet(screen, path)
    user, page = newcomer(), screen.page
    invite(actor=None, user=user, now=utcnow())
    assert_quiet(screen, path_in(last_mail(user.email)))
    user.email_code_chosen = True
    user.set_password(PASSWORD)
    user.save()
    screen.open("/sign-in/")
    enter(page)
    heading(page, "Enter the code")
    assert_quiet(screen, "/sign-in/code/")
    type_at(page, "Code", code_in(last_mail(user.email)))
    page.keyboard.press("Enter")
    heading(page, "Privacy Policy")
    assert_quiet(screen, "/welcome/privacy/")
    press(page, "Agree")
    heading(page, "Service Provider Information")
    assert_quiet(screen, "/welcome/provider/")
    User.objects.filter(pk=user.pk).update(email_confirmed_at=None)
    assert_quiet(screen, "/welcome/email/")
    press(page, "Send a code")
    expect(page.get_by_label("Code", exact=True)).to_be_visible()
    assert_quiet(screen, "/welcome/email/")


@WIDTHS
def test_setting_pages_are_accessible(screen: Screen, width: int) -> None:
    screen.sign_in(make_installer("ida"))
    take_width(screen, width)
    for path in SETTINGS:
        assert_fine(screen, path)
    add_authenticator(screen.page)
    add_passkey(screen, alone=True)
    key = "/installer/setting/two-factor/passkeys/"
    for path in (
        "/installer/setting/two-factor/",
        "/installer/setting/two-factor/codes/",
        f"{key}add/",
        *passkey_paths(key),
        "/installer/setting/confirm/",
    ):
        assert_fine(screen, path)
    page = screen.page
    assert_fine(screen, "/installer/setting/two-factor/app/add/")
    picture = page.get_by_role("img", name="QR code for the app")
    assert picture.evaluate("image => image.naturalWidth") > 0
    screen.open("/installer/setting/")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Log out").click()
    take_width(screen, width)
    enter(page)
    heading(page, "Second step")
    assert_quiet(screen, "/sign-in/factor/")


def passkey_paths(start: str) -> list[str]:
    key = Authenticator.objects.get(user__username="ida", type="webauthn")
    return [f"{start}{key.pk}/", f"{start}{key.pk}/remove/"]


def assert_quiet(screen: Screen, path: str) -> None:
    """As :func:`assert_fine`; a page for a spent link answers 410, which is meant."""
    screen.complaints.clear()
    screen.open(path)
    screen.complaints[:] = [c for c in screen.complaints if "410" not in c]
    if "nonsense" not in path:
        assert_fine(screen, path)
