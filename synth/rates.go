package synth

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/internal/nearest"
)

// Rates are the chances of the errors of real life, each from 0 to 1. The zero
// value is a world without errors; [DefaultRates] is the one to measure with.
type Rates struct {
	// In a hospital's record of a person. The insurer, which registers persons
	// once and pays by their number, makes InsurerFactor times as many.
	NIRMissing       float64 `yaml:"nir_missing" json:"nir_missing"`               // no NIR
	NIRTypo          float64 `yaml:"nir_typo" json:"nir_typo"`                     // one digit of the NIR is another: its key does not fit
	BirthNameMissing float64 `yaml:"birth_name_missing" json:"birth_name_missing"` // of those whose name in use is the birth name
	MarriedNameOnly  float64 `yaml:"married_name_only" json:"married_name_only"`   // the name in use stands as birth name
	NameChanged      float64 `yaml:"name_changed" json:"name_changed"`             // the record has the name in use before the last change
	NamesSwapped     float64 `yaml:"names_swapped" json:"names_swapped"`           // first and last name exchanged
	SecondFirstName  float64 `yaml:"second_first_name" json:"second_first_name"`   // the second first name for the first
	NameTypo         float64 `yaml:"name_typo" json:"name_typo"`                   // one letter of the last name
	FirstNameTypo    float64 `yaml:"first_name_typo" json:"first_name_typo"`       // one letter of the first name
	BirthDateTypo    float64 `yaml:"birth_date_typo" json:"birth_date_typo"`       // day and month exchanged, or off by a day, ten, a month, a year
	BirthDayUnknown  float64 `yaml:"birth_day_unknown" json:"birth_day_unknown"`   // 1 January
	SexWrong         float64 `yaml:"sex_wrong" json:"sex_wrong"`
	Moved            float64 `yaml:"moved" json:"moved"` // an address that is not, or no longer, the person's
	InsurerFactor    float64 `yaml:"insurer_factor" json:"insurer_factor"`

	DuplicateIPP float64 `yaml:"duplicate_ipp" json:"duplicate_ipp"` // a hospital knows the person under two numbers
	Twins        float64 `yaml:"twins" json:"twins"`                 // pairs of neighbouring numbers who are twins

	// Between a stay as its hospital keeps it and as the insurer's PMSI keeps it.
	StayDayOff           float64 `yaml:"stay_day_off" json:"stay_day_off"`                     // first or last day off by one
	StaySexWrong         float64 `yaml:"stay_sex_wrong" json:"stay_sex_wrong"`                 // layout national: the stay has a sex of its own there
	StayCommuneDiffers   float64 `yaml:"stay_commune_differs" json:"stay_commune_differs"`     // layout national: wrong, or where the person lived before
	StayDiagnosisDiffers float64 `yaml:"stay_diagnosis_differs" json:"stay_diagnosis_differs"` // another main diagnosis
	StayFieldMissing     float64 `yaml:"stay_field_missing" json:"stay_field_missing"`         // the main diagnosis (national: or the commune) is empty
	StayHospitalOnly     float64 `yaml:"stay_hospital_only" json:"stay_hospital_only"`         // never reached the insurer
	StayInsurerOnly      float64 `yaml:"stay_insurer_only" json:"stay_insurer_only"`           // not in the hospital's files

	// In the insurer's lines (layout national).
	LateRegularisation float64 `yaml:"late_regularisation" json:"late_regularisation"` // payments taken back some months later, two in three of them made again
	ChainingFailed     float64 `yaml:"chaining_failed" json:"chaining_failed"`         // PMSI stays whose person could not be chained
}

// DefaultRates are of the magnitude that is published for French data;
// docs/synth.md says what from, and which are guesses. They are not tuned to
// what a linkage makes of them.
func DefaultRates() Rates {
	return Rates{
		NIRMissing: 0.08, NIRTypo: 0.008, BirthNameMissing: 0.06, MarriedNameOnly: 0.05, NameChanged: 0.01,
		NamesSwapped: 0.005, SecondFirstName: 0.02, NameTypo: 0.025, FirstNameTypo: 0.02,
		BirthDateTypo: 0.006, BirthDayUnknown: 0.003, SexWrong: 0.001, Moved: 0.07, InsurerFactor: 0.12,
		DuplicateIPP: 0.02, Twins: 0.016,
		StayDayOff: 0.01, StaySexWrong: 0.001, StayCommuneDiffers: 0.04, StayDiagnosisDiffers: 0.05,
		StayFieldMissing: 0.005, StayHospitalOnly: 0.01, StayInsurerOnly: 0.02,
		LateRegularisation: 0.02, ChainingFailed: 0.01,
	}
}

// ReadRates reads rates as YAML, `nir_missing: 0.1` a line; what is not said
// stays as it is by default. An unknown key is an error that names the nearest
// known one, and so is a chance below 0 or above 1.
func ReadRates(r io.Reader) (Rates, error) {
	rates := DefaultRates()
	text, err := io.ReadAll(r)
	if err != nil {
		return rates, err
	}
	var said map[string]float64
	if err := yaml.Unmarshal(text, &said); err != nil {
		return rates, fmt.Errorf("rates are a name and a chance a line, such as `nir_missing: 0.1`: %w", err)
	}
	v := reflect.ValueOf(&rates).Elem()
	fields := map[string]reflect.Value{}
	var known []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		fields[name], known = v.Field(i), append(known, name)
	}
	var wrong []error
	for name, chance := range said {
		field, ok := fields[name]
		if !ok {
			wrong = append(wrong, fmt.Errorf("there is no rate %q: %s", name, nearest.Hint(name, known)))
			continue
		}
		field.SetFloat(chance)
	}
	return rates, errors.Join(append(wrong, rates.check())...)
}

// WriteYAML writes the rates as ReadRates reads them.
func (r Rates) WriteYAML(w io.Writer) error {
	text, err := yaml.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// check says which rates are no chances.
func (r Rates) check() error {
	v := reflect.ValueOf(r)
	var wrong []string
	for i := range v.NumField() {
		if f := v.Field(i).Float(); !(f >= 0 && f <= 1) {
			wrong = append(wrong, fmt.Sprintf("%s is %v", v.Type().Field(i).Tag.Get("yaml"), f))
		}
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("rates are chances from 0 to 1: %s", strings.Join(wrong, ", "))
}
