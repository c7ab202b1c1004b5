-- Says on channel $1, when this transaction is committed, that there are new alarms, up to id $2.
SELECT pg_notify($1, format('{"kind": "alarm", "id": %s}', $2::bigint))
