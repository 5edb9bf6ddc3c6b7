package synth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The layout national: the insurer's files are those of the SNDS, a hospital's
// are FHIR R4 NDJSON. A file is a table and a year: of the month in which a line
// reached the system, or of a stay's end. The DCIR may come by month instead
// (Options.ByMonth), as it does in life.

// months of FLX_DIS_DTD, when lines reached the system: from Start on, and a year beyond End.
const (
	fluxYears  = years + 1
	fluxMonths = 12 * fluxYears
)

// years of the window.
const years = 4

// Tables of the DCIR, in the order of the er* constants. The nine columns that join them come last.
const prsKey = "FLX_DIS_DTD,FLX_TRT_DTD,FLX_EMT_TYP,FLX_EMT_NUM,FLX_EMT_ORD,ORG_CLE_NUM,DCT_ORD_NUM,PRS_ORD_NUM,REM_TYP_AFF"

var dcir = []struct{ name, columns string }{
	{"ER_PRS_F", "BEN_NIR_PSA,BEN_RNG_GEM,BEN_CDI_NIR,BEN_NAI_ANN,BEN_SEX_COD,BEN_RES_DPT,BEN_RES_COM,ORG_AFF_BEN,RGM_GRG_COD,RGM_COD,BEN_CMU_TOP," +
		"EXE_SOI_DTD,EXE_SOI_DTF,EXE_SOI_AMD,PRE_PRE_DTD,PRS_NAT_REF,PRS_ACT_QTE,PRS_ACT_NBR,PRS_ACT_COG,PRS_PAI_MNT,BSE_REM_BSE,BSE_REM_MNT,RGO_REM_TAU," +
		"CPL_REM_MNT,CPL_MAJ_TOP,EXO_MTF,DPN_QLF,PRS_DPN_QLP,PFS_EXE_NUM,PFS_PRE_NUM,PSE_SPE_COD,PSE_ACT_NAT,PSP_SPE_COD,RGO_ASU_NAT," + prsKey},
	{"ER_PHA_F", "PHA_PRS_C13,PHA_ACT_QSN,PHA_ACT_PRU,PHA_ORD_NUM,PHA_SEQ_RNV," + prsKey},
	{"ER_CAM_F", "CAM_PRS_IDE,CAM_ACT_COD,CAM_TRT_PHA,CAM_ORD_NUM,CAM_ACT_PRU," + prsKey},
	{"ER_BIO_F", "BIO_PRS_IDE,BIO_ACT_QSN,BIO_ORD_NUM," + prsKey},
	{"ER_UCD_F", "UCD_UCD_COD,UCD_DLV_NBR,UCD_ORD_NUM,UCD_TOP_UCD," + prsKey},
	{"ER_TIP_F", "TIP_PRS_IDE,TIP_ACT_QSN,TIP_ACT_PRU,TIP_ORD_NUM," + prsKey},
	{"ER_ETE_F", "ETB_EXE_FIN,ETE_IND_TAA,ETE_GHS_NUM,ETE_CAT_COD,ETE_STJ_COD,ETE_TYP_COD," + prsKey},
}

const (
	erPRS = iota
	erPHA
	erCAM
	erBIO
	erUCD
	erTIP
	erETE
	dcirTables
)

const (
	returns = "NIR_RET,NAI_RET,SEX_RET,SEJ_RET,FHO_RET,PMS_RET,DAT_RET,COH_NAI_RET,COH_SEX_RET"
	dates   = "EXE_SOI_DTD,EXE_SOI_DTF"
)

// Tables by year, in the order of the t* constants.
var yearly = []struct{ name, columns string }{
	{"T_MCO%sB", "ETA_NUM,RSA_NUM,SEJ_TYP,AGE_ANN,AGE_JOU,COD_SEX,BDI_COD,BDI_DEP,DGN_PAL,ENT_MOD,ENT_PRV,SOR_MOD,SOR_DES,SOR_ANN,SOR_MOI,SEJ_NBJ,NBR_SEA,NBR_RUM,NBR_DGN,NBR_ACT,GRG_GHM,GHS_NUM"},
	{"T_MCO%sC", "ETA_NUM,RSA_NUM,NIR_ANO_17," + returns + "," + dates + ",ENT_DAT,SOR_DAT,SOR_ANN,SOR_MOI,RNG_NAI,NIR_ANO_MAM"},
	{"T_MCO%sD", "ETA_NUM,RSA_NUM,RSS_NUM,DGN_ASS_NUM,ASS_DGN"},
	{"T_MCO%sA", "ETA_NUM,RSA_NUM,RUM_SEQ,ENT_DAT_DEL,CDC_ACT,PHA_ACT,ACV_ACT,NBR_EXE_ACT"},
	{"T_MCO%sUM", "ETA_NUM,RSA_NUM,UM_ORD_NUM,ETA_NUM_GEO,DGN_PAL,PAR_DUR_SEJ,UM_TYP"},
	{"T_MCO%sCSTC", "ETA_NUM,SEQ_NUM,NIR_ANO_17,NIR_RET,NAI_RET,SEX_RET,IAS_RET,ENT_DAT_RET,ENT_DAT," + dates},
	{"T_MCO%sFASTC", "ETA_NUM,SEQ_NUM,AGE_ANN,COD_SEX,BDI_COD,BDI_DEP,SOR_ANN,SOR_MOI,PH_MNT"},
	{"T_MCO%sFBSTC", "ETA_NUM,SEQ_NUM,ACT_COD,ACT_NBR,DEL_DAT_ENT,EXE_SPE,HON_MNT"},
	{"T_HAD%sB", "ETA_NUM_EPMSI,RHAD_NUM,AGE_ANN,COD_SEX,BDI_COD,BDI_DEP,DGN_PAL,PEC_PAL,PEC_ASS,SEJ_NBJ,SEQ_NUM,SSEQ_NUM,SEQ_NBJ,SOR_MOD,SOR_ANN,SOR_MOI"},
	{"T_HAD%sC", "ETA_NUM_EPMSI,RHAD_NUM,NIR_ANO_17," + returns + "," + dates},
	{"T_SSR%sB", "ETA_NUM,RHA_NUM,RHS_NUM,AGE_ANN,COD_SEX,BDI_COD,BDI_DEP,MOR_PRP,ETL_AFF,FP_PEC,GMT_NUM,HAB_DEP,DPL_DEP"},
	{"T_SSR%sC", "ETA_NUM,RHA_NUM,NIR_ANO_17," + returns + "," + dates},
	{"T_RIP%sRSA", "ETA_NUM_EPMSI,RIP_NUM,AGE_ANN,COD_SEX,BDI_COD,BDI_DEP,FOR_ACT,SEQ_SEQ_NUM,PRE_JOU_NBJ,SOR_MOD,DGN_PAL"},
	{"T_RIP%sC", "ETA_NUM_EPMSI,RIP_NUM,NIR_ANO_17," + returns + "," + dates},
	{"T_RIP%sRSAD", "ETA_NUM_EPMSI,RIP_NUM,SEQ_SEQ_NUM,ASS_DGN"},
}

const (
	mcoB = iota
	mcoC
	mcoD
	mcoA
	mcoUM
	mcoCSTC
	mcoFASTC
	mcoFBSTC
	hadB
	hadC
	ssrB
	ssrC
	ripRSA
	ripC
	ripRSAD
	yearlyTables
)

// Files of their own, after those by year, in the order of the one* constants.
var single = []struct{ name, columns string }{
	{"IR_BEN_R", "BEN_NIR_PSA,BEN_RNG_GEM,BEN_NIR_ANO,BEN_IDT_ANO,BEN_IDT_TOP,BEN_CDI_NIR,BEN_NAI_ANN,BEN_NAI_MOI,BEN_SEX_COD,BEN_DCD_DTE,BEN_DCD_AME,BEN_RES_DPT,BEN_RES_COM,ORG_AFF_BEN,BEN_DTE_MAJ"},
	{"correspondance", "BEN_IDT_ANO,NIR,NOM_NAISSANCE,NOM_USAGE,PRENOM,DATE_NAISSANCE,SEXE"},
	{"IR_IMB_R", "BEN_NIR_PSA,BEN_RNG_GEM,IMB_ALD_NUM,IMB_ALD_DTD,IMB_ALD_DTF,IMB_ETM_NAT,MED_MTF_COD,MED_NCL_IDT"},
	{"KI_CCI_R", "DCD_IDT_ENC,BEN_IDT_ANO,BEN_IDT_TOP,BEN_DCD_DTE,BEN_DCD_AME,BEN_NAI_ANN,BEN_NAI_MOI,BEN_SEX_COD,BEN_RES_DPT,DCD_DPT_COD,DCD_CIM_COD"},
	{"KI_ECD_R", "DCD_IDT_ENC,BEN_IDT_ANO,BEN_IDT_TOP,CER_LIG_NUM,ECD_CAU_RNG,ECD_CIM_COD,BEN_DCD_DTE"},
}

const (
	oneBEN = iota
	oneCorrespondance
	oneIMB
	oneCCI
	oneECD
)

// Types of resources of a hospital, in the order of the fhir* constants.
var resources = []string{"Patient", "Encounter", "Condition", "Procedure", "MedicationAdministration", "Observation", "Organization"}

const (
	fhirPatient = iota
	fhirEncounter
	fhirCondition
	fhirProcedure
	fhirAdministration
	fhirObservation
	fhirOrganization
)

// nationalLayouts lists every file of the layout national: those of the DCIR come last, a year each or a month each.
func nationalLayouts(byMonth bool) []layout {
	var all []layout
	for y := range years {
		for _, t := range yearly {
			all = append(all, layout{insurer, fmt.Sprintf(t.name, strconv.Itoa(Start.Year() + y)[2:]) + ".csv", []string{t.columns}})
		}
	}
	for _, t := range single {
		all = append(all, layout{insurer, t.name + ".csv", []string{t.columns}})
	}
	for h := range Hospitals {
		for _, r := range resources {
			all = append(all, layout{hospitalName(h), r + ".ndjson", nil})
		}
	}
	for _, t := range truthFiles {
		columns := t.header[0]
		for _, c := range t.header[1:] {
			columns += "," + c
		}
		all = append(all, layout{t.party, t.file, []string{columns}})
	}
	every, format := fluxMonthsOf(byMonth), "2006"
	if byMonth {
		format = "200601"
	}
	for month := 0; month < fluxMonths; month += every {
		for _, t := range dcir {
			all = append(all, layout{insurer, t.name + "_" + Start.AddDate(0, month, 0).Format(format) + ".csv", []string{t.columns}})
		}
	}
	return all
}

// fluxMonthsOf is how many months a file of the DCIR holds.
func fluxMonthsOf(byMonth bool) int {
	if byMonth {
		return 1
	}
	return 12
}

func yearFile(year, table int) int              { return year*yearlyTables + table }
func singleFile(table int) int                  { return yearFile(years, 0) + table }
func resourceFile(h, r int) int                 { return singleFile(len(single)) + h*len(resources) + r }
func (n *nation) fluxFile(month, table int) int { return firstFlux + month/n.every*dcirTables + table }

var (
	nationalTruth      = resourceFile(Hospitals, 0)
	nationalTruthStays = nationalTruth + 1
	firstFlux          = nationalTruth + len(truthFiles)
)

// nationalBatch is how many persons a batch of the layout national holds.
const nationalBatch = 20 * group

// Compression of the files that are written.
type Compression string

// What Options.Compression may be.
const (
	Plain Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

func (c Compression) suffix() (string, error) {
	switch c {
	case Plain:
		return "", nil
	case Gzip:
		return ".gz", nil
	case Zstd:
		return ".zst", nil
	}
	return "", fmt.Errorf("files are written plain, or with gzip or zstd, not %q", string(c))
}

// nation is one batch of the layout national: rows as bytes, file by file.
type nation struct {
	desk
	layouts []layout
	every   int // months of a file of the DCIR
	out     [][]byte
	packed  [][]byte // out, compressed
	ready   [][]byte // what is to be written: of out and packed, or of out alone
	rows    []int
	pack    func(to, from []byte) []byte // nil: plain
	key     []byte                       // the nine columns of the line at work
}

func newNation(layouts []layout, byMonth bool, c Compression) *nation {
	n := &nation{layouts: layouts, every: fluxMonthsOf(byMonth), pack: packer(c),
		out: make([][]byte, len(layouts)), packed: make([][]byte, len(layouts)), ready: make([][]byte, len(layouts))}
	n.reset()
	return n
}

// packer compresses a block to a frame of its own: frames of a file follow each
// other, so that its bytes do not depend on who compressed which.
func packer(c Compression) func(to, from []byte) []byte {
	switch c {
	case Gzip:
		to := &buffer{}
		w, _ := gzip.NewWriterLevel(to, gzip.BestSpeed) // the level is one of those there are
		return func(dst, from []byte) []byte {
			to.b = dst
			w.Reset(to)
			_, _ = w.Write(from) // a buffer fails at nothing
			_ = w.Close()
			return to.b
		}
	case Zstd:
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<18)) // options are constants
		return func(dst, from []byte) []byte { return w.EncodeAll(from, dst) }
	}
	return nil
}

type buffer struct{ b []byte }

func (b *buffer) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	return len(p), nil
}

func (n *nation) reset() {
	n.truth = newTruth()
	n.rows = make([]int, len(n.layouts))
	for i := range n.out {
		n.out[i] = n.out[i][:0]
	}
}

// fill writes the records of the persons [first, last).
func (n *nation) fill(w world, first, last int) {
	n.rates, n.holding = w.rates, w.holding
	if first == 0 {
		n.organisations()
	}
	for i := first; i < last; i++ {
		l := w.life(i)
		n.truth.Marginals.life(w, l)
		n.record(w, l)
		n.truth.Persons++
	}
	for i, text := range n.out {
		switch {
		case len(text) == 0 || n.pack == nil || n.layouts[i].party == truthFolder:
			n.ready[i] = text
		default:
			n.packed[i] = n.pack(n.packed[i][:0], text)
			n.ready[i] = n.packed[i]
		}
	}
}

// outputs are the files of the layout national, unbuffered: batches are large.
type outputs struct{ to []io.WriteCloser }

// discard takes everything and keeps nothing: for measures without a disk.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

func createOutputs(dir string, layouts []layout, c Compression) (*outputs, error) {
	suffix, err := c.suffix()
	if err != nil {
		return nil, err
	}
	o := &outputs{}
	pack := packer(c)
	for _, l := range layouts {
		var w io.WriteCloser = discard{}
		if dir != "" {
			name := filepath.Join(dir, l.party, l.file)
			if l.party != truthFolder {
				name += suffix
			}
			if err := mkdir(filepath.Dir(name)); err != nil {
				return nil, errors.Join(err, o.close())
			}
			if w, err = os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
				return nil, errors.Join(err, o.close())
			}
		}
		o.to = append(o.to, w)
		if l.header == nil {
			continue
		}
		header := []byte(l.header[0] + "\n")
		if pack != nil && l.party != truthFolder {
			header = pack(nil, header)
		}
		if _, err := w.Write(header); err != nil {
			return nil, errors.Join(err, o.close())
		}
	}
	return o, nil
}

func (o *outputs) write(n *nation) error {
	for i, w := range o.to {
		if len(n.ready[i]) == 0 {
			continue
		}
		if _, err := w.Write(n.ready[i]); err != nil {
			return err
		}
	}
	return nil
}

func (o *outputs) close() error {
	var all []error
	for _, w := range o.to {
		all = append(all, w.Close())
	}
	return errors.Join(all...)
}

// runNational writes the layout national to out.
func runNational(ctx context.Context, opts Options, layouts []layout, out *outputs) (Truth, error) {
	w := opts.world()
	truth := newTruth()
	err := inOrder(ctx, opts.Persons, nationalBatch, func() *nation { return newNation(layouts, opts.ByMonth, opts.Compression) },
		func(n *nation, first, last int) { n.fill(w, first, last) },
		func(n *nation) error {
			if err := out.write(n); err != nil {
				return err
			}
			truth.addCounts(&n.truth)
			for i, rows := range n.rows {
				if rows > 0 {
					truth.Rows[layouts[i].path()] += rows
				}
			}
			n.reset()
			if opts.Progress != nil {
				opts.Progress(truth.Persons, opts.Persons)
			}
			return nil
		})
	return truth, err
}
