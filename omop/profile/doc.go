// Package profile tells what is in the tables of a release, by the analyses of OHDSI's
// Achilles (https://github.com/OHDSI/Achilles): persons by year of birth, records by
// month, ages, lengths of stay, and so on.
//
//	Make ─► schema profile: achilles_analysis, achilles_results, achilles_results_dist
//	Parquet of those ─► Open ─► Summary, Drift, Page
//
// Which analyses there are, by which strata, is what Achilles publishes (achilles/). Made
// are those that it makes by default, as far as a release has their tables. The SQL is
// our own. Event tables are counted for some persons at a time, so that memory is bounded;
// what was counted adds up.
//
// Results hold counts of persons as they are. They are for the controller's staff: a
// release keeps them sealed. A page, and [Profile.WriteCSV], show no count below [Small].
package profile
