# Recipes of the documents, followed as they are printed. A comment before a block of code says what a reader does with it:
#   <!-- recipe NAME: run -->             types it as root
#   <!-- recipe NAME: file PATH -->       makes it the content of a file
#   <!-- recipe NAME: append PATH -->     puts it at the end of a file
#   <!-- no recipe: WHY -->               nothing
# Sourced by packaging/test.

documents='docs/milter.md docs/packaging.md docs/operating.md docs/proxies.md docs/qmail.md'

# Takes the marked blocks apart: $work/recipes/NAME/NN.how, NN.where, NN.text. Prints blocks without a mark.
extract_recipes() {
    local document
    for document in $documents; do
        [ -f "$document" ] || continue
        awk -v document="$document" -v to="$work/recipes" '
            /^<!-- (recipe [a-z-]+: (run|(file|append) [^ ]+)|no recipe: .*) -->$/ { mark = $0; next }
            /^```/ && !inside {
                inside = 1
                if (mark == "") print document ":" FNR ": a block of code without a mark"
                if (mark ~ /^<!-- recipe/) {
                    split(mark, word, " ")
                    name = substr(word[3], 1, length(word[3]) - 1)
                    step = sprintf("%s/%s/%02d", to, name, ++steps[name])
                    system("mkdir -p " to "/" name)
                    print word[4] > (step ".how")
                    print (word[4] == "run" ? document ":" FNR : word[5]) > (step ".where")
                    text = step ".text"
                    printf "" > text
                } else text = ""
                mark = ""
                next
            }
            /^```/ { inside = 0; if (text != "") close(text); text = ""; next }
            inside { if (text != "") print > text; next }
            NF && mark != "" { print document ":" FNR ": a mark without a block of code"; mark = "" }
        ' "$document"
    done
}

# Follows a recipe in the present machine; what it prints is printed. DNS records it prints are published.
follow() {
    local name=$1 step where
    [ -d "$work/recipes/$name" ] || { echo "no document has a recipe \"$name\""; return 1; }
    echo "$name" >> "$work/followed"
    for step in "$work/recipes/$name"/*.how; do
        step=${step%.how}
        where=$(cat "$step.where")
        case $(cat "$step.how") in
            run)
                echo "--- $where"
                inside bash -e < "$step.text" 2>&1 | tee "$work/said" | cut -c1-200
                [ "${PIPESTATUS[0]}" = 0 ] || { echo "$where: failed"; return 1; }
                publish "$work/said"
                ;;
            file)
                mkdir -p "$root/$(dirname "$where")"
                cat "$step.text" > "$root/$where"
                ;;
            append) cat "$step.text" >> "$root/$where" ;;
        esac
    done
}

# Puts the records of a zone file that a command has printed into the zone.
publish() {
    awk '/\tIN\tTXT\t/ { on = 1 } on { print } /\)$/ { on = 0 }' "$1" > "$work/records"
    [ -s "$work/records" ] || return 0
    cat "$work/records" >> "$root/etc/nsd/zone"
    inside systemctl restart nsd
}
