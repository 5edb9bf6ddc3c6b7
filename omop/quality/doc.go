// Package quality says how good the tables of a release are, by the checks of
// OHDSI's Data Quality Dashboard (https://github.com/OHDSI/DataQualityDashboard).
//
//	Run ─► Results (the dashboard's own JSON) ─► Results.Blocking: what keeps a release back
//
// Which checks there are, and up to which percentage of rows each may be
// violated, is what the dashboard publishes for CDM 5.4 (dqd/). A warehouse
// overrides it by [Settings], which also say which checks are mandatory: a
// release that fails one is not published without a waiver.
//
// The SQL is our own: sql/<check>.sql is one SELECT of the number of violated
// rows and of the rows that were looked at. Checks that look at the same rows
// share one scan; each result carries the query that gives its figures alone.
// A check whose table, field or concept has no rows is not applicable, as the
// dashboard has it.
//
// Results hold counts of persons as they are. They are for the controller's staff,
// who may see the rows themselves: a release keeps them sealed.
package quality
