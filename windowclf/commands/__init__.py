"""The command line: what is typed becomes a call, what comes back becomes tables. No logic."""
