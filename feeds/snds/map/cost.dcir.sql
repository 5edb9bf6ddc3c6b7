-- cost.dcir: what a visit outside hospitals cost: all lines of the day and professional, supplements and
--   regularisations included.
-- Source: dcir_visit.
-- Rule: charged PRS_PAI_MNT; paid by the insurance BSE_REM_MNT + CPL_REM_MNT; the rest is left to the person and
--   complementary insurance. The visit names all its lines, the cost the first. 32810: claim. Amounts are euros,
--   summed as decimals.
-- Reference: schema-snds, ER_PRS_F, PRS_PAI_MNT, BSE_REM_MNT, CPL_REM_MNT.
SELECT
    key                  AS cost_event_key,
    'visit_occurrence'   AS cost_event_table,
    32810                AS cost_type_concept_id,
    44818568             AS currency_concept_id,
    charged              AS total_charge,
    charged              AS total_paid,
    reimbursed           AS paid_by_payer,
    charged - reimbursed AS paid_by_patient,
    'er_prs_f'           AS source_table,
    line                 AS source_line
FROM dcir_visit
WHERE remains > 0
