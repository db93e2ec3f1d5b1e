"""What the gateway counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter(
    "portico_events_total", "Events by source and result", ["source", "result"]
)
EVENT_BATCH = Histogram(
    "portico_event_batch_size",
    "Events per group commit",
    buckets=(1, 2, 5, 10, 50, 100, 500, 1_000, 2_000),
)
EVENT_COMMIT = Histogram("portico_event_commit_seconds", "Time of a group commit")
FILES = Counter("portico_files_total", "Provisioning files by result", ["result"])
REFUSED = Counter("portico_refused_total", "Requests refused, by reason", ["reason"])
BRIDGES = Gauge("portico_bridge_sessions", "Bridges connected to this gateway")
BRIDGE_CLOSED = Counter(
    "portico_bridge_closed_total", "Bridge sessions ended by us, by code", ["code"]
)
COMMANDS = Counter("portico_commands_sent_total", "Commands sent to bridges")
COMMAND_RESULTS = Counter(
    "portico_command_results_total", "Answers to commands, by state", ["state"]
)
ROSTERS_UNSENDABLE = Counter(
    "portico_rosters_unsendable_total", "Rosters that the protocol cannot carry"
)
LIVE = Gauge("portico_live_streams", "Browsers with a live stream")
PROXIED = Counter("portico_proxied_total", "Requests passed to web", ["result"])
PICTURES = Counter(
    "portico_pictures_total", "Pictures that bridges sent, by result", ["result"]
)
ACCESS_LISTS = Counter(
    "portico_access_lists_total", "Lists of who may open, by result", ["result"]
)
UPGRADES = Counter(
    "portico_upgrade_reports_total",
    "What bridges said of upgrades, by result",
    ["result"],
)
IMAGES = Counter(
    "portico_images_total", "Firmware images and parts of them, by result", ["result"]
)
IMAGE_BYTES = Counter("portico_image_bytes_total", "Bytes of firmware images sent")
IMAGES_NOW = Gauge("portico_images_sending", "Firmware images under way here")
DATABASE_FAULTS = Counter(
    "portico_database_faults_total", "Database errors, by what was done", ["what"]
)
REGISTRATIONS = Counter(
    "portico_sip_registrations_total", "SIP REGISTER requests, by result", ["result"]
)
MESSAGES = Counter(
    "portico_sip_messages_total", "Messages to indoor monitors, by answer", ["status"]
)
REMOTE = Gauge("portico_remote_sessions", "Remote control under way here")
