-- The normal forms of columns, and what blocking rules make of them. Each takes
-- a text and gives NULL where nothing is left.
CREATE SCHEMA match;

CREATE MACRO match.form_raw(v) AS nullif(trim(v), '');
CREATE MACRO match.form_text(v) AS nullif(regexp_replace(trim(upper(strip_accents(v))), '\s+', ' ', 'g'), '');
CREATE MACRO match.form_name(v) AS nullif(regexp_replace(upper(strip_accents(v)), '[^\p{L}]+', '', 'g'), '');
CREATE MACRO match.form_code(v) AS nullif(regexp_replace(upper(strip_accents(v)), '[^\p{L}0-9]+', '', 'g'), '');
CREATE MACRO match.form_digits(v) AS nullif(regexp_replace(v, '[^0-9]+', '', 'g'), '');
CREATE MACRO match.form_number(v) AS try_cast(trim(v) AS DOUBLE);
CREATE MACRO match.form_list(v) AS
  list_distinct(list_filter(list_transform(string_split_regex(v, '[|;,]'), lambda e: upper(trim(e))), lambda e: e <> ''));
CREATE MACRO match.form_clk(v) AS from_base64(nullif(trim(v), ''))::BIT;

-- Eight digits, year first. What the calendar does not have is kept: a typing
-- error in a date leaves most of it right.
CREATE MACRO match.form_date(v) AS CASE
  WHEN regexp_full_match(trim(v), '\d{8}') THEN trim(v)
  WHEN regexp_full_match(trim(v), '\d{4}-\d\d-\d\d([T ].*)?') THEN replace(trim(v)[:10], '-', '')
  WHEN regexp_full_match(trim(v), '\d\d/\d\d/\d{4}') THEN trim(v)[7:10] || trim(v)[4:5] || trim(v)[1:2]
END;
CREATE MACRO match.form_date_of(y, m, d) AS
  CASE WHEN regexp_full_match(trim(y), '\d{4}') AND regexp_full_match(trim(m), '\d{1,2}') AND regexp_full_match(trim(d), '\d{1,2}')
       THEN trim(y) || lpad(trim(m), 2, '0') || lpad(trim(d), 2, '0') END;

-- American Soundex of a name in form: consonants of one class that no vowel parts count once.
CREATE MACRO match.soundex_classes(v) AS
  translate(replace(replace(v, 'H', ''), 'W', ''), 'BFPVCGJKQSXZDTLMNRAEIOUY', '1111222222223345560000000');
CREATE MACRO match.once(v) AS
  replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(v,
    '11', '1'), '11', '1'), '22', '2'), '22', '2'), '33', '3'), '33', '3'),
    '44', '4'), '44', '4'), '55', '5'), '55', '5'), '66', '6'), '66', '6');
CREATE MACRO match.sound(v) AS
  v[1] || rpad(left(replace(match.once(match.soundex_classes(v))[2:], '0', ''), 3), 3, '0');

-- Which letters and digits a text has, as a set of 55 bits, and its first byte
-- above them. Bytes that are not ASCII are one letter of the set.
CREATE MACRO match.letters(v) AS
  coalesce(list_aggregate(list_transform(string_split(v, ''), lambda c:
    1::BIGINT << CASE WHEN unicode(c) < 128 THEN (unicode(c) % 54)::BIGINT ELSE 54::BIGINT END), 'bit_or'), 0::BIGINT)
  | ((CASE WHEN unicode(v) < 128 THEN unicode(v) ELSE 255 END)::BIGINT << 55);

-- Which neighbours a text has, its ends among them, as a set of 62 bits.
CREATE MACRO match.neighbours(v) AS
  list_aggregate(list_transform(range(0, length(v) + 1), lambda i:
    1::BIGINT << (hash(CASE i WHEN 0 THEN '' ELSE v[i] END, v[i + 1]) % 62)::BIGINT), 'bit_or');

-- In how many letters two sets differ.
CREATE MACRO match.differ(a, b) AS bit_count(xor(a, b) & 36028797018963967::BIGINT);
-- In how many neighbours two sets differ. An edit changes two for two others; where it exchanges
-- neighbouring letters, three for three.
CREATE MACRO match.apart(a, b) AS bit_count(xor(a, b));
-- Whether the Jaro-Winkler similarity may reach t. Jaro is (m/an + m/bn + (m-x)/m) / 3
-- for m common characters, of which x are out of place; 2 m is at most an + bn less the letters in which
-- the sets differ. The boost for four equal first characters leaves six tenths of what is lacking.
-- The bound is lowered by what is rounded off; whole numbers are looked at in half the time of others.
CREATE MACRO match.similar(a, an, b, bn, t) AS
  (an + bn - match.differ(a, b)) * (an + bn) * 1000
  >= CASE WHEN xor(a, b) < 36028797018963968::BIGINT THEN floor(999.9 * (6 * (t - 0.4) / 0.6 - 2))::BIGINT ELSE floor(999.9 * (6 * t - 2))::BIGINT END * (an * bn);

-- A date in form with day and month exchanged.
CREATE MACRO match.exchanged(v) AS v[1:4] || v[7:8] || v[5:6];
CREATE MACRO match.days(a, b) AS abs(date_diff('day', try_strptime(a, '%Y%m%d')::DATE, try_strptime(b, '%Y%m%d')::DATE));
CREATE MACRO match.dice(a, b) AS 2 * bit_count(a & b) / (bit_count(a) + bit_count(b));
CREATE MACRO match.percent(a, b) AS CASE WHEN a = b THEN 0 ELSE 100 * abs(a - b) / greatest(abs(a), abs(b)) END;
-- Bits of evidence as a probability.
CREATE MACRO match.probability(bits) AS 1 / (1 + pow(2, -bits));
