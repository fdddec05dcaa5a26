/** What the tour runs, in order: also the queries that tests compare with another engine and run under faults. */
export const tourTables = {
  create: `CREATE TABLE airports (
  iata text PRIMARY KEY, name text, city text, state text, country text,
  latitude float8, longitude float8
) PARTITION BY HASH (iata) WITH (replicas = 3)`,
  load: `INSERT INTO airports
SELECT iata, name, city, state, country, latitude, longitude
FROM airports_csv`,
} as const;

export interface TourQuery {
  readonly title: string;
  readonly sql: string;
}

export const tourQueries = [
  {
    title: 'Count every flight in the fleet; partial counts climb a tree to the node that was asked',
    sql: `SELECT count(*) AS flights, min(date) AS first, max(date) AS last
FROM flights`,
  },
  {
    title: 'Group by weekday: each node groups its own rows, partial groups meet by hash',
    sql: `SELECT extract(dow FROM date) AS weekday, count(*) AS flights,
       avg(delay) AS mean_delay, max(delay) AS worst
FROM flights GROUP BY extract(dow FROM date) ORDER BY weekday`,
  },
  {
    title: 'Join flights (on every node) with airports (in the DHT): both sides are rehashed by airport',
    sql: `SELECT a.state, count(*) AS flights, avg(f.delay) AS mean_delay
FROM flights f JOIN airports a ON f.origin = a.iata
WHERE f.distance > 1000
GROUP BY a.state ORDER BY flights DESC, a.state LIMIT 8`,
  },
  {
    title: 'Top 5 delays: every node keeps five rows, and so does every step up the tree',
    sql: `SELECT date, origin, destination, delay, distance FROM flights
ORDER BY delay DESC, date, origin, destination LIMIT 5`,
  },
  {
    title: 'One airport by its key: only the owner of that key is asked',
    sql: "SELECT iata, name, city, state FROM airports WHERE iata = 'SEA'",
  },
] as const satisfies readonly TourQuery[];

export const tourSubscription = `SUBSCRIBE (
  SELECT count(*) AS nodes, round(avg(used_bytes) / 1048576, 1) AS used_mib,
         max(total_bytes) / 1048576 AS total_mib
  FROM memory
) EVERY '1 second' FOR '5 seconds'`;
