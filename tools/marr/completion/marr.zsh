#compdef marr
# Completion of marr for zsh: add to ~/.zshrc, after compinit: source <(marr completion zsh)
_marr() {
	local line
	local -a candidates
	for line in "${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
		if [[ -n $line ]]; then candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}"); fi
	done
	if (( $#candidates )); then _describe marr candidates; else _files; fi
}
if [[ $funcstack[1] == _marr ]]; then _marr; else compdef _marr marr; fi
