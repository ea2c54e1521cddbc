# bash completion for dtm: source <(dtm completion bash)
_dtm() {
	local IFS=$'\n' words=("${COMP_WORDS[@]:1:COMP_CWORD}")
	COMPREPLY=($(dtm __complete -- "${words[@]}" 2>/dev/null | cut -f1))
	if [ ${#COMPREPLY[@]} -eq 0 ]; then
		compopt -o default 2>/dev/null
	fi
}
complete -F _dtm dtm
