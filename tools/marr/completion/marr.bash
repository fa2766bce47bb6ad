# Completion of marr for bash: add to ~/.bashrc: source <(marr completion bash)
_marr() {
	local line=${COMP_LINE:0:COMP_POINT} words current breaks kept=
	read -ra words <<<"$line"
	if [[ $line == *[[:space:]] ]]; then words+=(""); fi
	current=${words[-1]}
	mapfile -t COMPREPLY < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null | cut -f1)
	breaks=${COMP_WORDBREAKS//[^:=]/} # readline replaces only what follows the last of these characters
	if [[ $breaks ]]; then kept=${current%"${current##*[$breaks]}"}; fi
	COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}
complete -o default -o nosort -F _marr marr
