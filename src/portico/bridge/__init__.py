"""The program in the home: one outbound connection, the devices' local API, a queue.

Runs without Django. ``docs/bridge-protocol.md`` is its contract with the gateway,
``docs/bridge.md`` how it is installed and how it behaves.
"""
