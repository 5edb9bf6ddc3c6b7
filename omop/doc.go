// Package omop turns the health rows of several deposits into the tables of the
// OMOP Common Data Model 5.4 (https://ohdsi.github.io/CommonDataModel/cdm54.html).
//
// [Build] takes each deposit's rows and the links between its matching numbers
// and persons, runs the feed's mapping over them, merges what several parties
// say about one thing, and leaves the finished tables in schema cdm. Its
// [Report] accounts for every row that came in. [Tables] and [Select] are how
// the tables leave.
//
//	deposit's rows ─ links ─► source.* ─ feed's map/*.sql ─► stage.* ─ merge, number, resolve ─► cdm.*
//	                                          ▲                                                   │
//	                            vocabulary: concepts                              checks, Report ◄┘
//
// # Writing a mapping
//
// A mapping is one SELECT in a file of its feed, map/<target>.sql or
// map/<target>.<what>.sql. It reads the feed's resources by their names, with
// person_id where they are about persons, and names its columns as the target's.
// Every mapping says where a row comes from: source_table (the resource) and
// source_line; source_lines (BIGINT[]) may name further lines of that resource
// that went into the row.
//
// The target "event" is for everything that is coded: give the code, and the
// domain of its standard concept decides the CDM table, as the OMOP conventions
// ask. Nothing has to be joined.
//
//	-- map/event.conditions.sql
//	SELECT
//	    person_id,
//	    'Condition'    AS domain_id,          -- where the code has no standard concept
//	    'SNOMED'       AS vocabulary_id,
//	    code           AS concept_code,       -- also becomes *_source_value
//	    32817          AS type_concept_id,    -- EHR
//	    start          AS start_date,
//	    stop           AS end_date,
//	    encounter      AS visit_key,
//	    'conditions'   AS source_table,
//	    line           AS source_line
//	FROM conditions
//
// Its other columns are optional: start_datetime and end_datetime (each derives
// its date), source_value, provider_key, key, value_as_number, operator_concept_id,
// range_low, range_high, qualifier_source_value, value_as_string,
// value_vocabulary_id with value_code, unit_code (UCUM), quantity, days_supply,
// refills, stop_reason, unique_device_id, condition_status_concept_id, prescription_key
// (of a dispensation: the key of its prescription). A code with several standard
// concepts becomes several rows.
//
// The other targets are the CDM tables. What a mapping never fills is numbered
// or resolved here: primary keys, and the foreign keys visit_occurrence_id,
// provider_id, care_site_id and location_id, for which it gives visit_key,
// provider_key, care_site_key and location_key, any text that the target's own
// column key holds. A visit is looked up among its person's visits, and then among
// the parts of them (visit_detail). A row of
// cost gives cost_event_key, the key of the event (or visit) that was paid, and
// cost_event_table only where one key stands in several tables. Text longer
// than the specification allows fails the build: use left(x, 50).
//
// Besides the resources a mapping sees, in SQL:
//
//	concepts         vocabulary_id, concept_code, source_concept_id, concept_id, domain_id:
//	                 a row per code and standard concept; no row where there is none
//	source_concepts  vocabulary_id, concept_code, source_concept_id: every known code
//	single_concept   vocabulary_id, concept_code, concept_id: one standard concept a code,
//	                 for units and values
//	<list>           each of the feed's own lookup/<list>.csv, its columns as texts
//	deposit()        the deposit's name, for keys that other deposits must not share
//
// A mapping for one of the coded tables may also give vocabulary_id and
// concept_code, so that the report can name the codes that it could not map.
//
// A file map/view.<name>.sql is a view <name> that the feed's other files read, so
// that a rule is written once. A file map/unmapped.<what>.sql names rows that reach
// no table on purpose: source_table, source_line and reason, in words. A reason
// counts only where nothing else was made of the row.
//
// # What several deposits say
//
// person, death, location, care_site, provider, visit_occurrence and visit_detail
// hold one row per person, key, or person and key. Hospitals are believed before
// insurers, then deposits in the order given (those of one source in the order in which they
// were made); gaps are filled from the next. Stays of
// a hospital and an insurer whose keys do not meet are one by person and days
// (same_stay.sql). Report.Merged counts what several tell of.
//
// Eras are worked out of the merged events, person by person (Derivations), as are the
// links of prescriptions to the dispensations that followed them, in fact_relationship;
// cdm_source and metadata tell of the release itself.
//
// Periods that several deposits, or insurers, state of a person's observation are
// one where they overlap or touch; a person of whom nobody states any is observed
// from the first event to the last.
//
// # Deposits that are one source
//
// Deposits of one provider are mapped together where their feed says so ([intake.Feed].Together):
// its SQL sees the rows of all, in the order in which they were made. Rows whose composite key
// a later one delivered again do not count. line bears the deposit; deposit() is refused.
//
// # Persons, part by part
//
// Tables about nobody (places, providers) are mapped from all rows, once. The others
// are mapped some persons at a time, [Input.PartRows] rows of sources, so that memory is
// bounded; their numbers go on from part to part. A mapping to a table about persons must
// therefore make a row of one person's rows, and of rows of nobody. Rows that do not say
// whose they are go with the person whose composite key they have, such as the
// lines of a stay; where there is no such key, every part sees them all.
//
// Deposits that come in files ([Deposit.Files]) are read one file after the other. What does
// not fit in one part is divided by part and set aside, sealed, in [Input.Scratch].
//
// # On top of a release
//
// With [Input.Base] only the persons are mapped whom what has come since touches: who is linked
// otherwise, or shares a key with such a person, or names a place that has come or gone. The
// others' rows are the base's, under new numbers. Tables, origins and report are those of a build
// of all deposits.
//
// # Guarantees
//
// The result depends on the input alone, not on timing: the same rows give the
// same numbers. A required column is never NULL, foreign keys resolve, and every
// accepted row either stands behind a row of the CDM or is counted under the
// reason why not. A mapping that breaks this fails the build by name.
package omop
