"""PostgreSQL's own limit: the work of `process()` on this workload, as one SQL statement.

The events lie in a staging table, put there by COPY outside the measured time. The statement fills the same tables,
with the same indexes, with the same rows: events whole (and the service's own), tallies, standings, history marks,
distributions, transfers, wallets, messages, outbox, players, the metrics' health. It can do so because these rules are
of one shape; it is no way to build the service, it is what nobody can be faster than on this database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec
import psycopg

from benchmarks.workload import METRICS, Workload, counts_amount, metric_id, plain_achievements
from gamification.kernel.core.messages import GameEvent

PREPARATION = """
CREATE UNLOGGED TABLE staging (player_id text, event_id text, type text, data json, "timestamp" timestamptz);
CREATE TABLE bench_metric (
    event_type text PRIMARY KEY, metric_id text, sums boolean, rungs float8[], quarters float8[]);
CREATE TABLE bench_rung (
    metric_id text, threshold float8, id text, serial int, aggregate text, UNIQUE (metric_id, threshold, id));
CREATE TABLE bench_quarter (
    metric_id text, at float8, id text, quarter smallint, threshold float8, UNIQUE (metric_id, at, id, quarter));
CREATE FUNCTION bench_with_bit(state bytea, start bytea, n int) RETURNS bytea IMMUTABLE LANGUAGE sql
    AS 'SELECT set_bit(coalesce(state, start), n, 1)';
CREATE AGGREGATE bench_with_bits(bytea, int) (sfunc = bench_with_bit, stype = bytea);
CREATE FUNCTION bench_instant(timestamptz) RETURNS text STABLE LANGUAGE sql
    AS $$ SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
CREATE FUNCTION bench_id(VARIADIC parts text[]) RETURNS text IMMUTABLE LANGUAGE sql
    AS $$ SELECT '~' || left(encode(sha256(array_to_string(parts, '/')::bytea), 'hex'), 40) $$;
"""

STATEMENT = """
WITH fresh AS (
    INSERT INTO kernel_event (player_id, event_id, type, data, "timestamp", received_at, state)
    SELECT player_id, event_id, type, data, "timestamp", %(now)s, 0
    FROM staging ORDER BY player_id, event_id
    ON CONFLICT DO NOTHING
    RETURNING player_id, event_id, type, data, "timestamp"
), locked AS MATERIALIZED (
    SELECT p.player_id, p.last_seq, p.earned FROM progress_player p
    WHERE p.player_id = ANY (ARRAY(SELECT DISTINCT player_id FROM staging)) ORDER BY p.player_id FOR UPDATE
), sample AS MATERIALIZED (
    SELECT f.player_id, m.metric_id, f.event_id, f."timestamp" AS at, m.sums,
           CASE WHEN m.sums THEN (f.data ->> 'amount')::float8 ELSE 1 END AS value
    FROM fresh f JOIN bench_metric m ON m.event_type = f.type
), folded AS MATERIALIZED (
    SELECT s.player_id, s.metric_id, s.sums, count(*) AS count, sum(value) AS sum, max(value) AS max,
           min(value) AS min, max(at) AS latest_at, max(event_id) AS latest_id,
           (array_agg(value ORDER BY at DESC, event_id DESC))[1] AS latest
    FROM sample s GROUP BY 1, 2, 3
), before AS MATERIALIZED (
    SELECT f.player_id, f.metric_id, CASE WHEN f.sums THEN t.sum ELSE t.count END AS value
    FROM folded f JOIN progress_tally t ON (t.player_id, t.metric_id, t.scope) = (f.player_id, f.metric_id, '')
), tallied AS (
    INSERT INTO progress_tally AS t (player_id, metric_id, scope, count, sum, max, min, latest, latest_at, latest_id,
                                     members, runs)
    SELECT player_id, metric_id, '', count, sum, max, min, latest, latest_at, latest_id, 0, '' FROM folded
    ON CONFLICT (player_id, metric_id, scope) DO UPDATE SET
        count = t.count + EXCLUDED.count, sum = t.sum + EXCLUDED.sum,
        max = greatest(t.max, EXCLUDED.max), min = least(t.min, EXCLUDED.min),
        latest = CASE WHEN EXCLUDED.latest_at >= t.latest_at THEN EXCLUDED.latest ELSE t.latest END,
        latest_id = CASE WHEN EXCLUDED.latest_at >= t.latest_at THEN EXCLUDED.latest_id ELSE t.latest_id END,
        latest_at = greatest(t.latest_at, EXCLUDED.latest_at)
), step AS MATERIALIZED (
    SELECT s.player_id, s.metric_id, s.event_id, s.at, s.value, coalesce(b.value, 0) + sum(s.value) OVER (
               PARTITION BY s.player_id, s.metric_id ORDER BY s.at, s.event_id) AS reached
    FROM sample s LEFT JOIN before b USING (player_id, metric_id)
), completed AS MATERIALIZED (
    SELECT s.player_id, s.event_id, s.at, s.metric_id, s.reached, a.id, a.serial, a.threshold, a.aggregate,
           md5(s.player_id || '/ACHIEVEMENT/' || a.id || '/0/0')::uuid AS distribution,
           row_number() OVER (PARTITION BY s.player_id ORDER BY s.at, s.event_id, a.threshold) - 1 AS place
    FROM (SELECT step.* FROM step JOIN bench_metric USING (metric_id)
          WHERE width_bucket(reached - value, rungs) < width_bucket(reached, rungs) OFFSET 0) s
    CROSS JOIN LATERAL (  -- OFFSET 0: few are left, and each finds its rungs by the index
        SELECT * FROM bench_rung a
        WHERE a.metric_id = s.metric_id AND a.threshold > s.reached - s.value AND a.threshold <= s.reached OFFSET 0) a
), stood AS (
    INSERT INTO achievements_standing (player_id, achievement_id, occurrence, memory, completed_at, event_id, version,
                                       points, final)
    SELECT player_id, id, '0', '{}', at, event_id, 1, 10, jsonb_build_object(
        'metrics', jsonb_build_object(metric_id, reached),
        'requirements', jsonb_build_array(jsonb_build_object('type', aggregate, 'metric', metric_id, 'operator', 'gte',
            'threshold', threshold, 'value', reached, 'met', true)), 'progress', 1)
    FROM completed
), marked AS (
    INSERT INTO achievements_progressmark (player_id, achievement_id, occurrence, quarter, at, progress, metrics)
    SELECT n.player_id, q.id, '0', q.quarter, l.at, least(n.value / q.threshold, 0.99),
           jsonb_build_object(n.metric_id, n.value)
    FROM (SELECT player_id, metric_id, before, value
          FROM (SELECT player_id, metric_id, coalesce(b.value, 0) AS before,
                       coalesce(b.value, 0) + CASE WHEN f.sums THEN f.sum ELSE f.count END AS value
                FROM folded f LEFT JOIN before b USING (player_id, metric_id)) r
          JOIN bench_metric USING (metric_id)
          WHERE width_bucket(before, quarters) < width_bucket(value, quarters) OFFSET 0) n
    CROSS JOIN LATERAL (
        SELECT * FROM bench_quarter q
        WHERE q.metric_id = n.metric_id AND q.at > n.before AND q.at <= n.value AND q.threshold > n.value OFFSET 0) q
    JOIN (SELECT player_id, max(at) AS at FROM sample GROUP BY 1) l USING (player_id)
    ON CONFLICT DO NOTHING
), granted AS (
    INSERT INTO rewards_distribution (id, player_id, reward_id, reward_version, source, source_id, occurrence, line,
                                      status, kind, drawn, drawn_version, reason, created_at, claimed_at)
    SELECT distribution, player_id, 'coins', 1, 'ACHIEVEMENT', id, '0', 0, 'CLAIMED', 'CURRENCY', '', 0, '',
           %(now)s, %(now)s FROM completed
), moved AS (
    INSERT INTO rewards_transfer (id, player_id, debit_account, credit_account, currency, amount, cause, created_at)
    SELECT md5(distribution || 'claim')::uuid, player_id, 'issuance', 'player:' || player_id, 'gold', 5,
           'claim:' || distribution, %(now)s FROM completed
), paid AS (
    INSERT INTO rewards_wallet AS w (player_id, currency, balance, debt)
    SELECT player_id, 'gold', 5 * count(*), 0 FROM completed GROUP BY player_id
    ON CONFLICT (player_id, currency) DO UPDATE SET balance = w.balance + EXCLUDED.balance
), told AS MATERIALIZED (
    SELECT c.player_id, c.at, c.id, c.place, c.distribution, shown.*
    FROM completed c CROSS JOIN LATERAL (
        SELECT jsonb_build_object('id', c.distribution, 'player_id', c.player_id, 'reward_id', 'coins',
            'source', 'ACHIEVEMENT', 'source_id', c.id, 'occurrence', '0', 'line', 0, 'status', 'PENDING',
            'created_at', bench_instant(%(now)s), 'claimed_at', null, 'expires_at', null, 'revoked_at', null,
            'drawn', null, 'type', 'CURRENCY', 'value', 5, 'currency', 'gold', 'items', '[]'::jsonb) AS granted
    ) d CROSS JOIN LATERAL (VALUES
        (0, 'achievement.completed',
         jsonb_build_object('id', c.id, 'type', 'MILESTONE', 'category', 'GENERAL', 'points', 10,
             'title', 'Achievement ' || c.id, 'rewards', '["coins"]'::jsonb, 'occurrence', '0'),
         jsonb_build_object('id', c.id, 'title', 'Achievement ' || c.id, 'points', 10, 'rewards', '["coins"]'::jsonb),
         jsonb_build_object('id', c.id, 'type', 'MILESTONE', 'category', 'GENERAL', 'points', 10)),
        (1, 'reward.granted', d.granted, d.granted, null),
        (2, 'reward.claimed',
         d.granted || jsonb_build_object('status', 'CLAIMED', 'claimed_at', bench_instant(%(now)s)),
         d.granted || jsonb_build_object('status', 'CLAIMED', 'claimed_at', bench_instant(%(now)s)),
         '{"id": "coins", "type": "CURRENCY", "value": 5, "currency": "gold"}'::jsonb)
    ) shown(n, type, data, message, own)
), own AS (
    INSERT INTO kernel_event (player_id, event_id, type, data, "timestamp", received_at, state)
    SELECT player_id, bench_id(type, player_id, id), type, own, at, %(now)s, 0
    FROM told WHERE own IS NOT NULL ON CONFLICT DO NOTHING
), put AS (
    INSERT INTO kernel_outboxfact (fact_id, player_id, type, data, "timestamp", stated_at)
    SELECT bench_id(type, player_id, id), player_id, type, data, at, %(now)s FROM told ORDER BY at, place, n
), messaged AS (
    INSERT INTO feed_message (player_id, seq, type, data, "timestamp", created_at)
    SELECT t.player_id, l.last_seq + 3 * t.place + t.n + 1, t.type, t.message, t.at, %(now)s
    FROM told t JOIN locked l USING (player_id)
), healthy AS (
    INSERT INTO progress_metricday AS d (metric_id, day, samples, no_value)
    SELECT metric_id, (at AT TIME ZONE 'UTC')::date, count(*), 0 FROM sample GROUP BY 1, 2
    ON CONFLICT (metric_id, day) DO UPDATE SET samples = d.samples + EXCLUDED.samples
)
UPDATE progress_player p SET
    points = p.points + 10 * c.count, achievements_completed = p.achievements_completed + c.count,
    last_seq = p.last_seq + 3 * c.count, earned = c.earned
FROM (SELECT player_id, count(*) AS count, bench_with_bits(l.earned, serial) AS earned
      FROM completed JOIN locked l USING (player_id) GROUP BY player_id) c
WHERE p.player_id = c.player_id
"""


class Limit:
    def __init__(self, workload: Workload, parameters: dict[str, Any]) -> None:
        self.connection = psycopg.connect(**parameters, autocommit=True)
        self.connection.execute(PREPARATION)
        plain = plain_achievements(workload)
        types = {metric_id(number): "SUM" if counts_amount(number) else "COUNT" for number in range(METRICS)}
        with self.connection.cursor() as cursor:
            rows: list[tuple[Any, ...]] = []
            for id_, type_ in types.items():
                rungs = sorted(float(p.threshold) for p in plain if p.metric == id_)
                quarters = sorted(threshold * q / 4 for threshold in rungs for q in (1, 2, 3))
                rows.append((f"game.{id_}", id_, type_ == "SUM", rungs, quarters))
            cursor.executemany("INSERT INTO bench_metric VALUES (%s, %s, %s, %s, %s)", rows)
            rows = [(p.metric, p.threshold, p.id, p.serial, types[p.metric]) for p in plain]
            cursor.executemany("INSERT INTO bench_rung VALUES (%s, %s, %s, %s, %s)", rows)
            rows = [(p.metric, p.threshold * q / 4, p.id, q, p.threshold) for p in plain for q in (1, 2, 3)]
            cursor.executemany("INSERT INTO bench_quarter VALUES (%s, %s, %s, %s, %s)", rows)
        self.connection.execute("ANALYZE")

    def stage(self, batch: Sequence[GameEvent]) -> None:
        self.connection.execute("TRUNCATE staging")
        with self.connection.cursor().copy("COPY staging FROM STDIN") as copy:
            for e in batch:
                data = msgspec.json.encode(e.data).decode()
                copy.write_row((e.player_id, e.id, e.type, data, e.timestamp.isoformat()))
        self.connection.execute("ANALYZE staging")

    def process(self, now: datetime) -> float:
        """Run the statement on what is staged, in a transaction of its own; the seconds it took."""
        started = perf_counter()
        self.connection.execute(STATEMENT, {"now": now}, prepare=True)
        return perf_counter() - started
