-- A row of a coded source before its code's domain has decided where it goes.
CREATE OR REPLACE TABLE stage.event (
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
    prescription_key            VARCHAR,
    specimen_key                VARCHAR,
    condition_status_concept_id INTEGER,
    deposit                     INTEGER,
    mapping                     INTEGER,
    source_table                VARCHAR,
    source_line                 BIGINT,
    source_lines                BIGINT[]
);

-- A row of the source that a feed leaves out on purpose, and why. It counts where
-- nothing else was made of the row.
CREATE OR REPLACE TABLE stage.unmapped (
    reason       VARCHAR,
    deposit      INTEGER,
    mapping      INTEGER,
    source_table VARCHAR,
    source_line  BIGINT
);
