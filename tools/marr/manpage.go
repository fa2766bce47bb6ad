package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"
)

// manEnd holds the sections after the commands, in man's macros.
const manEnd = `.SH EXIT STATUS
0 if the work is done, 1 if it failed, 2 if the command line is wrong; above 128 if a signal stopped it, after it was saved.
.SH ENVIRONMENT
.TP
.B MARR_DEVICE
number or name of the device, the default of \-\-device
.TP
.B MARR_CACHE
folder of compiled kernels, tuning results and decoded images, or off; the default is marr in the user's cache
.TP
.B MARR_ORT_LIB
the library of ONNX Runtime, which is optional
.TP
.B VK_DRIVER_FILES
the Vulkan drivers to use instead of the installed ones
.SH SEE ALSO
https://github.com/marr\-ssl/marr
`

// printManPage prints marr(1) in man's macros, with the texts of the help. The build information, which may be nil, gives version and date.
func printManPage(out io.Writer, info *debug.BuildInfo) {
	version, date := buildVersion(info), ""
	if info != nil {
		version = "marr " + info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				date, _, _ = strings.Cut(s.Value, "T")
			}
		}
	}
	fmt.Fprintf(out, ".TH MARR 1 \"%s\" \"%s\" \"User Commands\"\n", date, roff(version))
	fmt.Fprintf(out, ".SH NAME\nmarr \\- train image backbones without labels on Vulkan devices\n.SH SYNOPSIS\n.B marr\n.I COMMAND\n[flags]\n")
	fmt.Fprintf(out, ".SH DESCRIPTION\n%s\n.SH COMMANDS\n", roff(about))
	for _, c := range commands() {
		fs, _ := c.declare()
		fmt.Fprintf(out, ".SS %s\n%s\n", roff(c.synopsis()), roff(c.sentence()))
		for _, s := range c.sections(fs) {
			fmt.Fprintf(out, ".PP\n%s:\n", s.group)
			s.flags.VisitAll(func(f *pflag.Flag) {
				name, text := pflag.UnquoteUsage(f)
				if name != "" {
					name = " \\fI" + roff(name) + "\\fR"
				}
				fmt.Fprintf(out, ".TP\n\\fB\\-\\-%s\\fR%s\n%s\n", roff(f.Name), name, roff(text))
			})
			if s.note != "" {
				fmt.Fprintf(out, ".PP\n%s\n", roff(s.note))
			}
		}
	}
	fmt.Fprint(out, manEnd)
}

// roff returns a text for man's macros: characters that they would interpret are escaped.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
