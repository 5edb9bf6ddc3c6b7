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

CREATE TABLE vocabulary.known_domain (
    domain_id         VARCHAR,
    domain_name       VARCHAR,
    domain_concept_id INTEGER
);
CREATE TABLE vocabulary.known_class (
    concept_class_id         VARCHAR,
    concept_class_name       VARCHAR,
    concept_class_concept_id INTEGER
);
CREATE TABLE vocabulary.known_kind (
    relationship_id         VARCHAR,
    relationship_name       VARCHAR,
    is_hierarchical         VARCHAR,
    defines_ancestry        VARCHAR,
    reverse_relationship_id VARCHAR,
    relationship_concept_id INTEGER
);
CREATE TABLE vocabulary.known_synonym (
    concept_id           INTEGER,
    concept_synonym_name VARCHAR,
    language_concept_id  INTEGER
);
-- Local maps; the last speaks first: priority 0.
CREATE TABLE vocabulary.known_map (
    source_code             VARCHAR,
    source_concept_id       INTEGER,
    source_vocabulary_id    VARCHAR,
    source_code_description VARCHAR,
    target_concept_id       INTEGER,
    target_vocabulary_id    VARCHAR,
    valid_start_date        DATE,
    valid_end_date          DATE,
    invalid_reason          VARCHAR,
    priority                INTEGER DEFAULT 0
);

CREATE MACRO deposit() AS getvariable('deposit');
