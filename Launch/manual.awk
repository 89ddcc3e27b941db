# Makes a page in mdoc(7), heartwood(1), of what `heartwood --help` and `heartwood SUBCOMMAND --help` print with COLUMNS=100000,
# a line `COMMAND SUBCOMMAND` before each. Variable: `date`.

function escape(text) {
  gsub(/\\/, "\\e", text)
  gsub(/--/, "\\-\\-", text)
  return text ~ /^[.']/ ? "\\&" text : text
}

function say(text,  count, words, k, line) {  # lines of text: short, and a new one for each sentence
  count = split(text, words, " ")
  for (k = 1; k <= count; k++) {
    line = line (line == "" ? "" : " ") words[k]
    if (k == count || words[k] ~ /[.?!]$/ || length(line " " words[k + 1]) > 70) {
      print escape(line)
      line = ""
    }
  }
}

function paragraph(line) {
  if (line ~ /^ / && !literal) print ".Bd -literal -offset indent"
  if (line !~ /^ / && literal) print ".Ed"
  literal = line ~ /^ /
  if (line == "") gap = 1
  else {
    if (gap && !literal) print ".Pp"
    gap = 0
    if (literal) print escape(substr(line, 3))
    else say(line)
  }
}

function item(label,  words, count, k, line) {  # -h, --name <value>; --this/--not-this
  gsub(/\//, ", ", label)
  count = split(label, words, " ")
  for (k = 1; k <= count; k++) {
    if (words[k] ~ /^-/) line = line " Fl " substr(words[k], 2)
    else if (words[k] ~ /^</) line = line " Ar " substr(words[k], 2, length(words[k]) - 2)
    else line = line " " words[k]
  }
  sub(/,/, " ,", line)
  gsub(/-/, "\\-", line)
  if (!listing) print ".Bl -tag -width indent"
  listing = 1
  print ".It" line
}

function end_list() {
  if (listing) print ".El"
  listing = 0
}

BEGIN {
  print ".Dd " date "\n.Dt HEARTWOOD 1\n.Os"
  print ".Sh NAME\n.Nm heartwood\n.Nd train one network across many patients' ECGs"
  print ".Sh SYNOPSIS\n.Nm\n.Ar subcommand\n.Op Ar options"
  print ".Nm Launch/heartwood\n.Op Fl n Ar ranks\n.Op Fl \\-hostfile Ar file\n.Op Fl \\-restarts Ar count\n.Op Fl \\-verbose"
  print ".Ar subcommand\n.Op Ar options\n.Sh DESCRIPTION"
}

/^COMMAND / {
  end_list()
  if (command == "" && $2 != "") print ".Sh SUBCOMMANDS"
  command = $2
  if (command != "") print ".Ss " command
  gap = literal = 0
  next
}
/^OVERVIEW: / { part = "overview"; sub(/^OVERVIEW: /, "") }
/^USAGE: / {
  part = "usage"
  if (literal) print ".Ed"
  literal = 0
  sub(/^USAGE: /, "")
  gsub(/-/, "\\-")
  if (command != "") print ".Pp\n.Dl " $0
  next
}
/^[A-Z]+:$/ { part = $0; next }
part == "overview" { paragraph($0) }
command == "" || part !~ /^(ARGUMENTS|OPTIONS):$/ { next }
/^  (--version|-h, --help) / { skip = 1; next }
/^  [-<]/ {
  skip = 0
  match($0, /^  [^ ]+( <[^>]*>)?( \.\.\.)?/)  # the label; help follows it, or stands on the next line
  item(substr($0, 3, RLENGTH - 2))
  $0 = substr($0, RLENGTH + 1)
}
!skip && /[^ ]/ { sub(/^ +/, ""); say($0) }

END {
  end_list()
  print ".Sh ENVIRONMENT\n.Bl -tag -width indent"
  print ".It Ev HEARTWOOD_DATA\nThe default of\n.Fl \\-data ."
  print ".It Ev HEARTWOOD_CPU_LEVEL\nThe most vector instructions to use: plain, avx2 or avx512."
  print ".It Ev HEARTWOOD_WATCHDOG\nSeconds without progress after which a rank says where it stood and ends; 60."
  print ".It Ev HEARTWOOD_SHARED_MEMORY\n0: ranks of one host exchange by MPI too, and not through memory that they share."
  print ".It Ev HEARTWOOD_BINARY\nThe program that Launch/heartwood runs in place of its own.\n.El"
  print ".Sh EXIT STATUS\n.Bl -tag -width indent"
  print ".It 0\nAll went well.\n.It 64\nUsage.\n.It 65\nData.\n.It 70\nNumeric or internal."
  print ".It 71\nA host was lost, or a rank stood still.\n.It 73\nOutput cannot be created.\n.It 74\nReading or writing failed."
  print ".It 75\nStopped by a signal;\n.Fl \\-resume\ngoes on.\n.It 130 , 143 , 138"
  print "Stopped by SIGINT, SIGTERM or SIGUSR1, with nothing to save.\n.El\n.Pp"
  print "Any other: a rank was lost, and a line on standard error names it."
  print ".Sh SEE ALSO\n.Xr mpirun 1"
}
