"""Every time-out and bound of the bridge, each with its reason. Times are seconds."""

from __future__ import annotations

from typing import Final

# --- towards the server -----------------------------------------------------------
# TCP, TLS and the WebSocket handshake over a slow mobile uplink.
SERVER_CONNECT: Final = 15.0
# The server gives a bridge 10 s to answer; the other way round is as fair.
HANDSHAKE: Final = 10.0
# From the contract: below common NAT time-outs of 30 s, and two may get lost.
PING_EVERY: Final = 20.0
PONG_WITHIN: Final = 45.0
# From the contract: full jitter, so that a restarted gateway is not stormed.
BACKOFF_FIRST: Final = 0.5
BACKOFF_MOST: Final = 60.0
# Somebody revoked this box or forgot it: there is no hurry to ask again.
BACKOFF_MOST_UNWELCOME: Final = 300.0
BACKOFF_RESET_AFTER: Final = 30.0
# Events and results sent and not yet answered: one full gateway commit.
SEND_WINDOW: Final = 100
# A lost answer within a live session; repeating is harmless, the id decides.
RESEND_AFTER: Final = 30.0
ENROL_TIMEOUT: Final = 30.0
# A gateway's answer to an enrolment is some 60 bytes.
ENROL_ANSWER_BYTES: Final = 16 * 1024

# --- towards the devices ----------------------------------------------------------
# A device on the LAN accepts within milliseconds; 2 s is one lost SYN.
LAN_CONNECT: Final = 2.0
# Old units answer slowly while they render video; after 6 s nobody waits at the door.
LAN_TOTAL: Final = 6.0
# Keeps the connection warm and the presence inside the contract's 20 s.
POLL_EVERY: Final = (13.0, 17.0)
# The second look at a unit that did not answer; after it, it is offline.
POLL_AGAIN: Final = 5.0
FAILURES_TO_OFFLINE: Final = 2
# After an upgrade: the server judges by what the unit says when it is back, and a second
# installer stands before it. As long as the slowest (Android) units take, and some more.
POLL_CLOSELY: Final = 3.0
CLOSELY_FOR: Final = 1500.0
# Longer than the pause between polls, so that a command finds the connection open.
LAN_KEEPALIVE: Final = 75.0
# A MAC seen at an address this long ago still holds: the poll comes sooner.
VERIFIED_FOR: Final = 25.0
# A command interrupts a poll that hangs; a healthy unit answers sooner than this.
POLL_PATIENCE: Final = 0.25
PRESENCE_AT_MOST_EVERY: Final = 1.0
# Below the contract's 20 s with room for a slow link.
PRESENCE_AT_LEAST_EVERY: Final = 15.0
# Keeps one report well under a frame, whatever the units call themselves.
PRESENCE_PER_FRAME: Final = 64

# --- commands and guests ----------------------------------------------------------
# More open doors at once than any house has; protects the box from a mad server.
COMMANDS_AT_ONCE: Final = 64
# A unit fetches and applies two small files in a second, an old one in some more.
READ_BACK_AFTER: Final = (2.0, 4.0, 10.0)
# A guest's entry names relays, no time: long enough to push a heavy door.
GUEST_HOLD: Final = 5
# A device that repeats its request must not open twice, nor use up two entries.
GUEST_AGAIN_AFTER: Final = 5.0
# Guessing at a keypad: after ten wrong codes in a minute guests wait for the minute.
GUESSES: Final = 10
GUESS_WINDOW: Final = 60.0

# --- plug and play ----------------------------------------------------------------
# A whole staircase that gets its power back asks once each; more is somebody's noise.
PNP_PER_SECOND: Final = 10.0
PNP_BURST: Final = 40.0
PNP_AT_ONCE: Final = 32
# Repetitions of the last requests are recognised; a unit repeats for 32 s.
PNP_DIALOGS: Final = 256
# Half a second, doubling (T1 of RFC 3261); then the unit asks again at its next start.
PNP_RESEND_AFTER: Final = (0.5, 1.0, 2.0)
PNP_DROPS_LOGGED_EVERY: Final = 60.0
# A person waits for the page, a flood of made-up units must not fill the uplink.
FOUND_AT_MOST_EVERY: Final = 3.0

# --- looking for units ------------------------------------------------------------
# A unit of this network accepts within milliseconds; one lost packet is asked no more.
SCAN_CONNECT: Final = 0.7
SCAN_TOTAL: Final = 2.0
# What small routers and their tables of neighbours take.
SCAN_AT_ONCE: Final = 32
# The longest answer of a unit is about 1 KiB.
SCAN_BODY: Final = 16 * 1024
SCAN_PORT: Final = 80

# --- pictures ---------------------------------------------------------------------
# Two streams, each with its connection and its first whole picture; then nobody waits.
PICTURE_WITHIN: Final = 9.0
# A router answers from its own table, or asks its provider once more.
NAME_WITHIN: Final = 3.0
# 256 KiB over a line of 300 kbit/s.
PICTURE_UPLOAD: Final = 8.0

# --- remote control ---------------------------------------------------------------
# Several installers at several units of an estate; each costs some hundred kilobytes.
REMOTE_SESSIONS: Final = 8
# To the unit's pages at once, beside the two of doors and polls: small units stall with
# the six that a browser opens.
REMOTE_CONNECTIONS: Final = 3
# Live parts of the unit's pages keep one each.
REMOTE_SOCKETS: Final = 4
# A unit that thinks about its answer, such as after a firmware upload.
REMOTE_READ: Final = 60.0
REMOTE_HANDSHAKE: Final = 8.0
# A broken line is seen in half a minute by both ends.
REMOTE_PING_EVERY: Final = 8.0
REMOTE_SILENCE: Final = 25.0

# --- face photos ------------------------------------------------------------------
# A unit fetches a picture when it is told of it, or soon after; nobody has published when.
FACE_WITHIN: Final = 15.0
# The address of one ends then, whatever the unit is doing.
FACE_GOOD_FOR: Final = 180.0

# --- firmware ---------------------------------------------------------------------
# Images at once: a house's line and the box's disk, not the units, are the limit.
UPGRADES_AT_ONCE: Final = 2
# From the contract: how often it is told how far it is, and at least, while it goes on.
UPGRADE_TELL_EVERY: Final = 5.0
UPGRADE_TELL_AT_LEAST: Final = 60.0
# Said once; the server asks nobody again before its own deadlines of some minutes.
UPGRADE_SAY_WITHIN: Final = 15.0
# A report that got no answer is said again after these: a restart of the server.
UPGRADE_SAY_AGAIN: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
# A unit that has taken an image may forget it; and its hours may be over meanwhile.
UPGRADE_LEAVE_AGAIN: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
# While the bridge stops: one word to the server, so that it need not wait in vain.
UPGRADE_LAST_WORD: Final = 2.0
# What is on its way to the unit's flash when the bridge stops: look, then the order.
UPGRADE_FINISH: Final = 13.0
# A megabyte over a slow uplink.
CONFIGURATION_UPLOAD: Final = 60.0
# Nothing of an image for so long: the connection is dead. The server paces it evenly.
IMAGE_SILENCE: Final = 60.0
# Breaks in a row in which nothing came, each with a longer pause; a router restarts in two
# minutes, a provider's line is back in five.
IMAGE_AGAIN: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 60.0, 60.0, 60.0)
# The server gives an order up after two hours; 512 MiB come through 1 Mbit/s in 72 minutes.
IMAGE_WITHIN: Final = 7000.0
# A busy server says when to ask again; it is believed so far.
IMAGE_LONGEST_PAUSE: Final = 60.0
# Units of a house have their turns within the hour, and share it.
IMAGE_KEPT: Final = 3600.0
# What the disk keeps free besides: events and the system's own logs.
IMAGE_HEADROOM: Final = 64 * 1024 * 1024
IMAGE_PIECE: Final = 128 * 1024
# To a unit: small ones write to their memory card while they receive, and check the whole
# before they answer.
UNIT_UPLOAD_PER_SECOND: Final = 256 * 1024
UNIT_UPLOAD_CHECK: Final = 120.0
# Whoever opens the door breaks an upload off: it begins anew, so often at most.
UNIT_UPLOADS: Final = 5
UNIT_UPLOAD_AGAIN: Final = 2.0
# S5xx answer bursts with 401 for a second.
UNIT_BURST_OVER: Final = 1.05

# --- disk -------------------------------------------------------------------------
# A month of a busy house's events in some 5 MB.
MAX_EVENTS: Final = 10_000
# Guests' openings still find a place when strangers filled the queue at the keypad.
GUEST_HEADROOM: Final = 200
# A server that never acknowledges results gets no further commands done.
MAX_RESULTS: Final = 1_000
# Commands live for seconds; a repetition after so many others is long expired.
MAX_JOURNAL: Final = 5_000
LOCK_WAIT: Final = 5.0
# Not every event: memory cards wear out.
TIME_NOTE_EVERY: Final = 300.0

# --- listener ---------------------------------------------------------------------
# What a device is asked to wait before it repeats a refused event.
RETRY_AFTER: Final = 30

# --- end --------------------------------------------------------------------------
# One command in hand takes at most LAN_TOTAL twice (look, then open).
FINISH_COMMANDS: Final = 13.0
FINISH_SENDING: Final = 2.0
