// Command marr pre-trains image backbones without labels on any Vulkan device and exports them as ONNX or safetensors.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// command is a subcommand. setup declares its flags and returns the function that runs it. What help, completion and error messages tell about a flag
// besides its help text, setup declares with inGroup, choices, examples and unsetMeans. Words in args that are separated by | complete its first argument.
type command struct {
	name, args, summary string
	setup               func(fs *pflag.FlagSet) func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"devices", "", "list every Vulkan device and the kernels that it runs", devicesCommand},
		{"demo", "", "run the whole workflow on embedded images: pre-train, evaluate, fine-tune, export", demoCommand},
		{"data", "inspect D", "describe images D (see marr pretrain --help, --data): number, sizes, labels", dataCommand},
		{"views", "--data D --method M --out FILE", "paint the views that a method trains on", viewsCommand},
		{"pretrain", "--data D --out DIR", "train a backbone without labels", pretrainCommand},
		{"ablate", "--data D --out DIR", "train a map of short runs: which augmentations matter, or which values of a setting", ablateCommand},
		{"eval", "knn|linear|finetune", "measure a backbone by nearest neighbors, a linear probe or fine-tuning", evalCommand},
		{"finetune", "--run DIR --train D --out DIR", "train a backbone and a classifier on labeled images", finetuneCommand},
		{"predict", "--model FILE --data D", "classify images by a classifier.onnx", predictCommand},
		{"embed", "--run DIR --data D --out FILE", "write the features of images as .npy, .csv or .parquet", embedCommand},
		{"neighbors", "--run DIR --data D --of IMAGE", "list the images that are most similar to one", neighborsCommand},
		{"duplicates", "--run DIR --data D", "list groups of images that are alike", duplicatesCommand},
		{"report", "RUN...", "write a page about runs (settings, curves, neighbors, duplicates, a map of embeddings) or about the folder of marr ablate", reportCommand},
		{"bench", "kernels|step|data|methods|all|table",
			"measure kernels, training steps, the data pipeline or the accuracy of methods; table FILE... prints results as Markdown", benchCommand},
		{"export", "--run DIR --out FILE", "write a run's backbone as ONNX or safetensors", exportCommand},
		{"completion", "bash|zsh|fish", "print a script that completes command lines in a shell", completionCommand},
		{"version", "", "print the versions of marr, Go, the Vulkan device and its driver", versionCommand},
	}
}

// usageError reports a wrong command line: exit status 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() { os.Exit(execute(os.Args[1:])) }

// execute runs a command line and returns the exit status: 0 success, 1 failure, 2 wrong command line, 128 + the signal's number if a signal stopped it
// (after saving): 130 for Ctrl-C, 143 for SIGTERM, 138 for SIGUSR1, 129 for SIGHUP, 141 if nobody reads stdout any more.
func execute(args []string) int {
	ctx, status, release := stopOnSignal(context.Background())
	defer release()
	err := dispatch(ctx, args)
	if err == nil {
		return 0
	}
	if errors.As(err, new(reportedElsewhere)) {
		time.Sleep(reportTime)
	} else {
		fmt.Fprintln(os.Stderr, explain(err))
	}
	switch {
	case ctx.Err() != nil && (errors.Is(err, run.ErrStopped) || errors.Is(err, context.Canceled)):
		return <-status
	case errors.As(err, new(usageError)) || errors.As(err, new(*train.ConfigError)):
		return 2
	}
	return 1
}

// packages matches the names of packages in a chain of errors.
var packages = regexp.MustCompile(`(^|: |; |\()(?:bench|data|eval|export|kernels|methods|mpi|net|onnxexec|ort|ranks|run|ssl|train|views|vk|watch): `)

// explain returns an error as the line that marr prints.
func explain(err error) string { return "marr: " + oneLine(err) }

// windowsErrors makes the errors of Windows read as those of other systems: they name calls of the system, and their texts end in a period.
var windowsErrors = strings.NewReplacer("GetFileAttributesEx ", "stat ", "CreateFile ", "open ", ".: ", ": ")

// oneLine returns an error as one line: what happened: why: what to do.
func oneLine(err error) string {
	text := plain(strings.ReplaceAll(err.Error(), "\n", "; "))
	if runtime.GOOS == "windows" {
		text = strings.TrimSuffix(windowsErrors.Replace(text), ".")
	}
	text = strings.ReplaceAll(text, context.Canceled.Error(), "stopped by a signal")
	if errors.As(err, new(*vk.NoDeviceError)) {
		for _, v := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES"} {
			if os.Getenv(v) != "" {
				text += ", or unset " + v + ", which limits the search to the drivers that it names"
				break
			}
		}
	}
	return data.Printable(text)
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		printUsage(os.Stderr)
		return usagef("no command: choose one of %s", strings.Join(names(), ", "))
	}
	if args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		if len(args) > 1 && args[1] != "help" {
			return dispatch(ctx, append(slices.Clone(args[1:]), "--help"))
		}
		printUsage(os.Stdout)
		return nil
	}
	switch args[0] {
	case "__complete":
		printCandidates(args[1:])
		return nil
	case "__man": // for packages
		info, _ := debug.ReadBuildInfo()
		printManPage(os.Stdout, info)
		return nil
	case "--version":
		args[0] = "version"
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:])
		}
	}
	hint := didYouMean(args[0], "", append(names(), "help", "--help", "--version"))
	if hint == "" {
		hint = ": marr help lists all commands"
	}
	return reportedByFirst(usagef("unknown command %s%s", quoted(args[0]), hint))
}

func (c command) run(ctx context.Context, args []string) error {
	fs, work := c.declare()
	if err := fs.Parse(args); err != nil {
		return reportedByFirst(c.parseError(fs, err))
	}
	if err := checkFlags(fs); err != nil {
		return reportedByFirst(err)
	}
	if fs.Changed("help") {
		if !isFollower() {
			c.printHelp(os.Stdout, fs)
		}
		return nil
	}
	if err := checkRanks(c.name); err != nil {
		return reportedByFirst(err)
	}
	return work(ctx, fs.Args())
}

// declare returns the command's flags and the function that runs it.
func (c command) declare() (*pflag.FlagSet, func(context.Context, []string) error) {
	fs := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {}
	fs.BoolP("help", "h", false, "print this help") // declared, so that flags after it count: they choose what the help lists
	fs.Lookup("help").Hidden = true
	run := c.setup(fs)
	acceptOtherNames(fs)
	return fs, run
}

func names() (out []string) {
	for _, c := range commands() {
		out = append(out, c.name)
	}
	return out
}

// about says what marr does.
const about = "Trains image backbones without labels on any Vulkan device and exports them as ONNX or safetensors."

func printUsage(to *os.File) {
	fmt.Fprintln(to, "usage: marr COMMAND [flags]\n\n"+about+"\n\nCommands:")
	for _, c := range commands() {
		line := c.name + " " + c.args
		if len(line) > 28 {
			line += fmt.Sprintf("\n  %-28s", "")
		}
		fmt.Fprintf(to, "  %-28s %s\n", line, c.summary)
	}
	fmt.Fprintln(to, "\nmarr help COMMAND and marr COMMAND --help list a command's flags.")
}

// noArgs returns an error for arguments that are not flags.
func noArgs(args []string) error {
	if len(args) > 0 {
		return usagef("%q is not a flag: write options as --name value, such as --out DIR", quoted(args[0]))
	}
	return nil
}
