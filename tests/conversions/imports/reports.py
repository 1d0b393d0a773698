"""Rows of measurement partners' reports, with the columns that those have."""

import csv
import io
from typing import Any

# Of AppsFlyer's raw data reports, in their order; the rest of the eighty are of no use here.
APPSFLYER_COLUMNS = [
    "Attributed Touch Type", "Attributed Touch Time", "Install Time", "Event Time", "Event Name", "Event Value",
    "Event Revenue", "Event Revenue Currency", "Event Source", "Is Receipt Validated", "Partner", "Media Source",
    "Channel", "Campaign", "Campaign ID", "Site ID", "Sub Site ID", "Sub Param 1", "Sub Param 2", "Country Code",
    "City", "IP", "AppsFlyer ID", "Advertising ID", "IDFA", "Android ID", "Customer User ID", "Platform",
    "App ID", "App Name", "Is Retargeting", "Retargeting Conversion Type", "Is Primary Attribution", "User Agent",
    "HTTP Referrer", "Original URL", "Blocked Reason", "Blocked Sub Reason", "Blocked Reason Value",
    "Rejected Reason", "Rejected Reason Value",
]  # fmt: skip
ADJUST_COLUMNS = ["{adid}", "{activity_kind}", "{created_at}", "{installed_at}", "{click_time}", "{network_name}",
                  "{rejection_reason}", "{label}", "{gps_adid}", "[user_id]"]  # fmt: skip

DEVICE = "1600000000000-1234567890123456789"


def appsflyer_row(**cells: str) -> dict[str, str]:
    """Return a blocked install of a known device; cells are named as in the report, with underscores for blanks."""
    row = {
        "Install Time": "2026-11-22 13:00:00",
        "Event Time": "2026-11-22 13:00:00",
        "Event Name": "install",
        "Media Source": "shadynet_int",
        "AppsFlyer ID": DEVICE,
        "App ID": "com.casino.app",
        "Advertising ID": "38400000-8cf0-11bd-b23e-10b96e40000d",
        "IP": "192.0.2.7",
        "User Agent": "Dalvik/2.1.0",
        "Blocked Reason": "ctit_anomalies",
        "Blocked Reason Value": "2",
    }
    return row | {name.replace("_", " "): text for name, text in cells.items()}


def appsflyer_csv(*rows: dict[str, str]) -> bytes:
    return b"\xef\xbb\xbf" + _csv(APPSFLYER_COLUMNS, rows)


def adjust_row(**cells: str) -> dict[str, str]:
    row = {
        "adid": "18546f6171f67e29d1cb983322ad1329",
        "activity_kind": "rejected_install",
        "created_at": "1763816400",
        "network_name": "ShadyNet",
        "rejection_reason": "anonymous_traffic",
        "gps_adid": "38400000-8cf0-11bd-b23e-10b96e40000d",
    } | cells
    return {f"{{{name}}}": text for name, text in row.items()}


def adjust_csv(*rows: dict[str, str]) -> bytes:
    return _csv(ADJUST_COLUMNS, rows)


def _csv(columns: list[str], rows: Any) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()
