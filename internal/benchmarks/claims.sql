-- Claims of a national insurer: persons with an identity, fifty acts each, the
-- acts of a person near each other as in a monthly flow. The hashes make
-- columns that compress as real ones do. Variables: rows, dir.
COPY (
    WITH digits AS (
        SELECT
            i,
            1 + i % 2 AS sex,
            DATE '1930-01-01' + (hash(i) % 30000)::INTEGER AS born,
            format('{}{:02d}{:02d}{:02d}{:03d}{:03d}', 1 + i % 2, year(born) % 100, month(born), 1 + hash(i + 1) % 95, 1 + hash(i + 2) % 899, 1 + hash(i + 3) % 999) AS body
        FROM range(getvariable('rows') // 50) t(i)
    )
    SELECT
        format('P{:010d}', i) AS person_id,
        body || format('{:02d}', 97 - body::BIGINT % 97) AS nir,
        ['MARTIN', 'BERNARD', 'DE LA TOUR', 'LEFÈVRE', 'N''DIAYE', 'GARCIA-LOPEZ', 'PETIT', 'ROUX'][(1 + hash(i + 4) % 8)::BIGINT] || chr((65 + hash(i + 5) % 26)::INTEGER) AS birth_name,
        ['Jean', 'Marie', 'Anne-Sophie', 'Zoé', 'Mohamed', 'Louise'][(1 + hash(i + 6) % 6)::BIGINT] AS first_name,
        born AS birth_date,
        if(sex = 1, 'M', 'F') AS sex
    FROM digits
) TO (getvariable('dir') || '/persons.csv') (HEADER, DELIMITER ',');
COPY (
    SELECT
        format('P{:010d}', i // 50) AS person_id,
        if(i % 5 = 0, format('S{:09d}', i // 5), NULL) AS stay_id,
        DATE '2015-01-01' + (hash(i) % 3600)::INTEGER AS "date",
        chr((65 + hash(i + 1) % 20)::INTEGER) || ['BQK', 'CQP', 'EQQ', 'GLD'][(1 + hash(i + 2) % 4)::BIGINT] || format('{:03d}', hash(i + 3) % 400) AS code,
        1 + hash(i + 4) % 80 AS specialty,
        if(hash(i + 5) % 40 = 0, -1, 1 + hash(i + 6) % 3)::BIGINT AS quantity,
        (hash(i + 7) % 20000)::DOUBLE / 100 AS amount
    FROM range(getvariable('rows')) t(i)
) TO (getvariable('dir') || '/acts.csv') (HEADER, DELIMITER ',');
