-- The user of HAProxy's checks: it may log in, and nothing else.
CREATE USER IF NOT EXISTS 'haproxy'@'%';
