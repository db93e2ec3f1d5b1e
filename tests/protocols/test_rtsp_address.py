from __future__ import annotations

import pytest

from portico.protocols.rtsp import (
    BadRtspAddress,
    RtspAddress,
    camera_host,
    read_rtsp_address,
)


@pytest.mark.parametrize(
    ("text", "read", "public"),
    [
        ("rtsp://192.168.1.20", ("192.168.1.20", 554, ""), "rtsp://192.168.1.20"),
        ("RTSP://Cam.Local:8554/A?b=C", ("cam.local", 8554, "/A?b=C"), None),
        ("rtsp://[FD00::1]:99/x", ("fd00::1", 99, "/x"), "rtsp://[fd00::1]:99/x"),
        ("rtsp://[fd00::1]", ("fd00::1", 554, ""), "rtsp://[fd00::1]"),
        ("rtsp://[::ffff:10.0.0.1]/", ("10.0.0.1", 554, "/"), "rtsp://10.0.0.1/"),
        ("rtsp://cam:/x", ("cam", 554, "/x"), "rtsp://cam/x"),
        ("rtsp://cam:554/a@b", ("cam", 554, "/a@b"), "rtsp://cam/a@b"),
        ("rtsp://cam.:65535/", ("cam", 65535, "/"), "rtsp://cam:65535/"),
        ("  rtsp://93.184.216.34/ ", ("93.184.216.34", 554, "/"), None),
    ],
)
def test_address_is_read(
    text: str, read: tuple[str, int, str], public: str | None
) -> None:
    found = read_rtsp_address(text)

    assert found == RtspAddress(*read)
    assert read_rtsp_address(found.public) == found
    assert public in {None, found.public}


@pytest.mark.parametrize(
    ("account", "user", "password"),
    [
        ("admin:secret", "admin", "secret"),
        ("admin", "admin", ""),
        (":secret", "", "secret"),
        ("a%40b:p%3Aq%2F%23", "a@b", "p:q/#"),
        ("a@b:c:d", "a@b", "c:d"),
        ("m%C3%BCller:geheim", "müller", "geheim"),
    ],
)
def test_credentials_are_read_and_stay_out_of_sight(
    account: str, user: str, password: str
) -> None:
    found = read_rtsp_address(f"rtsp://{account}@cam/x")

    assert (found.user, found.password) == (user, password)
    assert found.public == "rtsp://cam/x"
    assert read_rtsp_address(found.url) == found
    assert not password or password not in repr(found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        ("192.168.1.20", "scheme"),
        ("http://cam", "scheme"),
        ("rtsps://cam", "scheme"),
        ("rtsp:cam", "scheme"),
        ("rtsp:/cam", "scheme"),
        ("rtsp://", "host"),
        ("rtsp://u:p@/x", "host"),
        ("rtsp://[::1", "host"),
        ("rtsp://[fd00::1]x:5/", "host"),
        ("rtsp://[192.168.1.2]/", "host"),
        ("rtsp://fd00::1/", "host"),
        ("rtsp://cam..local/", "host"),
        ("rtsp://-cam/", "host"),
        ("rtsp://a\\b/", "host"),
        ("rtsp://127.1/", "host"),
        ("rtsp://2130706433/", "host"),
        ("rtsp://0x7f.0.0.1/", "host"),
        ("rtsp://cam:0/", "port"),
        ("rtsp://cam:65536/", "port"),
        ("rtsp://cam:+5/", "port"),
        ("rtsp://cam:a/", "port"),
        ("rtsp://cam/a b", "malformed"),
        ("rtsp://ca\nm/", "malformed"),
        ("rtsp://cam/\t", "malformed"),
        ("rtsp://cam/\x00", "malformed"),
        ("rtsp://cäm/", "malformed"),
        ("rtsp://cam/#x", "malformed"),
        ("rtsp://cam/" + "x" * 245, "too_long"),
        ("rtsp://%00:x@cam/", "account"),
        ("rtsp://%ff:x@cam/", "account"),
        ("rtsp://u:" + "p" * 128 + "@cam/", "account"),
        ("rtsp://localhost/", "refused"),
        ("rtsp://x.localhost./", "refused"),
        ("rtsp://127.0.0.2/", "refused"),
        ("rtsp://[::1]/", "refused"),
        ("rtsp://[::ffff:127.0.0.1]/", "refused"),
        ("rtsp://169.254.169.254/", "refused"),
        ("rtsp://224.0.1.75/", "refused"),
        ("rtsp://0.0.0.0/", "refused"),
    ],
)
def test_what_is_no_cameras_address_is_refused_without_repeating_it(
    text: str, code: str
) -> None:
    with pytest.raises(BadRtspAddress) as refused:
        read_rtsp_address(text)

    assert refused.value.code == str(refused.value) == code


@pytest.mark.parametrize(
    "host",
    [
        "0.1.2.3",
        "127.255.0.1",
        "169.254.1.1",
        "239.1.1.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "ff02::1",
        "cam.local",
    ],
)
def test_the_bridge_itself_groups_and_nobody_are_no_camera(host: str) -> None:
    assert camera_host(host) is None


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.9", "fd00::1", "2001:db8::9"])
def test_any_other_machine_may_be_a_camera(host: str) -> None:
    assert camera_host(host) == host
