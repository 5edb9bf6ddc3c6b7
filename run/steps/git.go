package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"rempart.eu/rempart/run"
)

// The most that a study's folder may hold.
const (
	mostFiles = 2000
	mostBytes = 16 << 20
)

// Read reads the study in a folder under git: its files as they are committed.
// Where changes is true, files may differ from the commit, which then says so.
func Read(ctx context.Context, dir string, changes bool) (*Study, error) {
	text, err := os.ReadFile(filepath.Join(dir, FileName)) //nolint:gosec // the researcher's own folder
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no %s: write one, or name a script", dir, FileName)
	}
	if err != nil {
		return nil, err
	}
	commit, err := git(ctx, dir, "rev-parse", "--verify", "HEAD")
	if err != nil {
		return nil, fmt.Errorf("%s: a study of steps lies under git, with a commit: git init, git add, git commit (%w)", dir, err)
	}
	study := &Study{Commit: strings.TrimSpace(string(commit))}
	different, err := git(ctx, dir, "status", "--porcelain", "--untracked-files=no", "--", ".")
	if err != nil {
		return nil, err
	}
	if len(different) > 0 {
		if !changes {
			first, _, _ := strings.Cut(strings.TrimSpace(string(different)), "\n")
			return nil, fmt.Errorf("%s has changes that are not committed (%s): commit them, so that the run can be told by its commit", dir, first)
		}
		study.Commit += "+"
	}
	files, err := tracked(ctx, dir)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(files, func(f run.File) bool { return f.Name == FileName }) {
		return nil, fmt.Errorf("%s: %s is not under git: git add %s", dir, FileName, FileName)
	}
	study.Steps, err = parse(text, files)
	return study, err
}

// tracked reads the files of a folder that git knows.
func tracked(ctx context.Context, dir string) (files []run.File, err error) {
	list, err := git(ctx, dir, "ls-files", "-z", "--", ".")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	total := 0
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		info, err := root.Lstat(name)
		if err != nil || !info.Mode().IsRegular() { // a link, or deleted and not committed
			continue
		}
		if total += int(info.Size()); total > mostBytes || len(files) == mostFiles {
			return nil, fmt.Errorf("%s holds more than %d files or %d MiB under git: a study is code, its data comes from the space", dir, mostFiles, mostBytes>>20)
		}
		content, err := root.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, run.File{Name: name, Content: content})
	}
	return files, nil
}

// git asks git about a folder.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return nil, errors.New("git is not installed: apt-get install git")
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"-C", dir, "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(said.String()))
	}
	return out, nil
}
