"""The REST API under /api/scheduler: shapes, routes and errors; the rules are in `scheduler`."""
