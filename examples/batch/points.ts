/**
 * The table that the points go to, and the two ways of storing them. Every statement may run twice for one point, since
 * a job may: its id is the point's key.
 */
import type { Pool } from 'pg';

/** What a job carries. */
export interface Point {
  track: number;
  lat: number;
  lon: number;
}

/**
 * Makes the tables where there are none, and so many tracks, numbered from 1. What is stored stays: its jobs are
 * acknowledged. Workers that start together do this one after another.
 */
export async function createTables(pool: Pool, tracks: number): Promise<void> {
  await pool.query(`
    select pg_advisory_xact_lock(hashtext('tables of points'));
    create table if not exists tracks (id int primary key);
    create table if not exists points (
      id text primary key,
      track int not null references tracks,
      lat float8 not null,
      lon float8 not null,
      stored_at timestamptz not null default now()
    );
    create index if not exists points_track on points (track)`);
  await pool.query('insert into tracks select generate_series(1, $1::int) on conflict do nothing', [tracks]);
}

/** Stores one point. Rejects with Postgres' own error (its code is 23503) where its track is not there. */
export async function storePoint(pool: Pool, id: string, { track, lat, lon }: Point): Promise<void> {
  const insert = 'insert into points (id, track, lat, lon) values ($1, $2, $3, $4) on conflict do nothing';
  await pool.query({ name: 'store-point', text: insert, values: [id, track, lat, lon] });
}

/**
 * Stores many points in one statement; resolves to the ids of those whose track is not there. The tracks that are there
 * are locked, so that none of them goes before its points are in.
 */
export async function storePoints(
  pool: Pool,
  points: readonly (Point & { id: string })[],
): Promise<Set<string>> {
  const text = `
    with given as (select * from unnest($1::text[], $2::int[], $3::float8[], $4::float8[]) as p (id, track, lat, lon)),
    known as (select id from tracks where id in (select track from given) for key share),
    stored as (
      insert into points (id, track, lat, lon)
      select * from given where track in (select id from known)
      on conflict do nothing
    )
    select id from given where track not in (select id from known)`;
  const values = [
    points.map(({ id }) => id),
    points.map(({ track }) => track),
    points.map(({ lat }) => lat),
    points.map(({ lon }) => lon),
  ];
  const { rows } = await pool.query<{ id: string }>({ name: 'store-points', text, values });
  return new Set(rows.map(({ id }) => id));
}
