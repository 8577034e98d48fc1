"""The training service: one process, one SQLite file and a folder of blobs, over HTTP."""
