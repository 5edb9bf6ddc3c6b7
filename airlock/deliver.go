package airlock

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"path"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// Means by which a released output comes to a researcher.
const (
	ByPortal  = "portal"
	ByCommand = "command"
)

// Delivery is a released output as it is handed to a researcher.
type Delivery struct {
	Output  string
	Name    string // of the file, without a folder
	Data    []byte
	Receipt []byte
	Entry   uint64 // the statement that says so
}

// Deliver hands a released output with its receipt to a researcher of its project. The
// ledger says so before anything is handed out, and lets it be handed to the same person
// once, or once more where a checker has said so ([Renew]).
func Deliver(ctx context.Context, w *warehouse.Warehouse, party, id, means string) (*Delivery, error) {
	state, output, err := stateOf(ctx, w, id)
	if err != nil {
		return nil, err
	}
	if err := state.Deliverable(output, party); err != nil {
		return nil, err
	}
	d := &Delivery{Output: id, Name: path.Base(output.Name)}
	if d.Data, d.Receipt, err = withReceipt(ctx, w, state, output); err != nil {
		return nil, err
	}
	e, err := w.Commit(ctx, state.ControllerName(), ledger.OutputDelivered{Output: id, SHA256: output.SHA256, Party: party, Means: means})
	if err != nil {
		return nil, err
	}
	d.Entry = e.Index
	return d, nil
}

// withReceipt opens a released output, and makes its receipt.
func withReceipt(ctx context.Context, w *warehouse.Warehouse, state *governance.State, output *governance.Output) (data, receipt []byte, err error) {
	released := ledger.OutputReleased{}.Kind()
	if err := w.InEffect(ctx, state, *output.Decision, released); err != nil {
		return nil, nil, err
	}
	if data, err = project.Output(ctx, w, output); err != nil {
		return nil, nil, err
	}
	var checkpoint []byte
	if state.Witnesses(output.Decision.Index, released) != nil {
		if _, checkpoint, err = w.Log.Cosigned(ctx); err != nil {
			return nil, nil, err
		}
	}
	made, err := NewReceipt(ctx, w.Log, state, output.Output.Output, checkpoint)
	if err != nil {
		return nil, nil, err
	}
	receipt, err = made.Encode()
	return data, receipt, err
}

// Zip is the delivery as one file: what was released, and its receipt.
func (d *Delivery) Zip() ([]byte, error) {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, f := range []struct {
		name string
		data []byte
	}{{d.Name, d.Data}, {d.Name + ".receipt.json", d.Receipt}} {
		w, err := archive.Create(f.name)
		if err == nil {
			_, err = w.Write(f.data)
		}
		if err != nil {
			return nil, fmt.Errorf("pack output %s: %w", d.Output, err)
		}
	}
	err := archive.Close()
	return b.Bytes(), err
}

// Renew lets a researcher have a released output once more.
func Renew(ctx context.Context, w *warehouse.Warehouse, checker, id, party, reason string) (ledger.Entry, error) {
	return w.Commit(ctx, checker, ledger.DeliveryRenewed{Output: id, Party: party, Reason: reason})
}
