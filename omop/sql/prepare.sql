-- The schemas of a build: the words of the vocabulary, a deposit's rows as its
-- mapping sees them, mapped rows, rows ready to be numbered, the finished CDM.
CREATE SCHEMA vocabulary;
CREATE SCHEMA source;
CREATE SCHEMA stage;
CREATE SCHEMA ready;
CREATE SCHEMA cdm;

CREATE TABLE vocabulary.known_concept (
    concept_id       INTEGER,
    concept_name     VARCHAR,
    domain_id        VARCHAR,
    vocabulary_id    VARCHAR,
    concept_class_id VARCHAR,
    standard_concept VARCHAR,
    concept_code     VARCHAR,
    valid_start_date DATE,
    valid_end_date   DATE,
    invalid_reason   VARCHAR
);
CREATE TABLE vocabulary.known_relationship (
    concept_id_1     INTEGER,
    concept_id_2     INTEGER,
    relationship_id  VARCHAR,
    valid_start_date DATE,
    valid_end_date   DATE,
    invalid_reason   VARCHAR
);
CREATE TABLE vocabulary.known_ancestor (
    ancestor_concept_id      INTEGER,
    descendant_concept_id    INTEGER,
    min_levels_of_separation INTEGER,
    max_levels_of_separation INTEGER
);
CREATE TABLE vocabulary.known_vocabulary (
    vocabulary_id         VARCHAR,
    vocabulary_name       VARCHAR,
    vocabulary_reference  VARCHAR,
    vocabulary_version    VARCHAR,
    vocabulary_concept_id INTEGER
);
CREATE TABLE vocabulary.known_strength (
    drug_concept_id             INTEGER,
    ingredient_concept_id       INTEGER,
    amount_value                DOUBLE,
    amount_unit_concept_id      INTEGER,
    numerator_value             DOUBLE,
    numerator_unit_concept_id   INTEGER,
    denominator_value           DOUBLE,
    denominator_unit_concept_id INTEGER,
    box_size                    INTEGER,
    valid_start_date            DATE,
    valid_end_date              DATE,
    invalid_reason              VARCHAR
);

CREATE MACRO deposit() AS getvariable('deposit');

-- A row of a coded source before its code's domain has decided where it goes.
CREATE TABLE stage.event (
    person_id                   BIGINT,
    domain_id                   VARCHAR,
    vocabulary_id               VARCHAR,
    concept_code                VARCHAR,
    source_value                VARCHAR,
    type_concept_id             INTEGER,
    start_date                  DATE,
    start_datetime              TIMESTAMP,
    end_date                    DATE,
    end_datetime                TIMESTAMP,
    key                         VARCHAR,
    visit_key                   VARCHAR,
    provider_key                VARCHAR,
    value_as_number             DOUBLE,
    operator_concept_id         INTEGER,
    range_low                   DOUBLE,
    range_high                  DOUBLE,
    qualifier_source_value      VARCHAR,
    value_as_string             VARCHAR,
    value_vocabulary_id         VARCHAR,
    value_code                  VARCHAR,
    unit_code                   VARCHAR,
    quantity                    DOUBLE,
    days_supply                 INTEGER,
    refills                     INTEGER,
    stop_reason                 VARCHAR,
    unique_device_id            VARCHAR,
    condition_status_concept_id INTEGER,
    deposit                     INTEGER,
    mapping                     INTEGER,
    source_table                VARCHAR,
    source_line                 BIGINT,
    source_lines                BIGINT[]
);

-- A row of the source that a feed leaves out on purpose, and why. It counts where
-- nothing else was made of the row.
CREATE TABLE stage.unmapped (
    reason       VARCHAR,
    deposit      INTEGER,
    mapping      INTEGER,
    source_table VARCHAR,
    source_line  BIGINT
);
