"""Many streams on one WebSocket: what both ends of remote control have in common."""
