"""User agents: devices, systems, browsers, programs and people."""

import pytest

from attribution.edge.user_agents import read_user_agent

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.5 Mobile/15E148 Safari/604.1",
            "phone\tiOS\t17.5\tMobile Safari",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; SM-S918B) {CHROME} Mobile Safari/537.36",
            "phone\tAndroid\t14\tChrome Mobile",
        ),
        (f"Mozilla/5.0 (Linux; Android 13; SM-X700) {CHROME} Safari/537.36", "tablet\tAndroid\t13\tChrome"),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.5 "
            "Mobile/15E148 Safari/604.1",
            "tablet\tiOS\t16.5\tMobile Safari",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "desktop\tWindows\t10\tChrome"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0", "desktop\tLinux\t\\N\tFirefox"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "desktop\tChrome OS\t14541.0.0\tChrome"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 TV Safari/537.36", "other\tTizen\t6.0\tSafari"),
        ("", "other\t\\N\t\\N\t\\N"),
    ],
)
def test_read_user_agent_tells_device_system_and_browser(header, columns):
    assert read_user_agent(header.encode()).columns == columns


@pytest.mark.parametrize(
    "header",
    [
        f"Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) {CHROME} Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/466.1.0.57;]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Mobile/21E219 Instagram 330.0.3.29.109 (iPhone14,5; iOS 17_4; en_US; en; scale=3.00; 1170x2532; 594964371)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Mobile/21F90 [FBAN/FBIOS;FBAV/468.0.0.34.107;FBBV/604]",
        f"Mozilla/5.0 (Linux; Android 13; SM-A536B; wv) {CHROME} Mobile Safari/537.36 musical_ly_2023405030 "
        "JsSdk/1.0 AppName/musical_ly ByteLocale/en BytedanceWebview/d8a21c6",
        f"Mozilla/5.0 (Linux; Android 13; CUBOT X30) {CHROME} Mobile Safari/537.36",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10",
    ],
)
def test_read_user_agent_takes_people_for_people(header):
    assert not read_user_agent(header.encode()).is_bot


@pytest.mark.parametrize(
    "header",
    [
        "",
        "curl/8.5.0",
        "python-requests/2.32",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 Mobile Safari/537.36 (compatible; Bytespider; TikTok /1)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0 Safari/537.36",
        "TelegramBot (like TwitterBot)",
        "okhttp/4.12.0",
        "\x00\x01",
    ],
)
def test_read_user_agent_takes_programs_for_bots(header):
    assert read_user_agent(header.encode()).is_bot


def test_read_user_agent_reads_any_bytes():
    assert read_user_agent(b"\xff\xfe\x00").device == "other"
