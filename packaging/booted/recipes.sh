# Blocks of code of the documents, followed as they are printed. A comment in front of a block says what a reader does with it:
#   <!-- recipe NAME: run -->             types it as root
#   <!-- recipe NAME: start -->           the same in a terminal of its own: it ends when it is told to
#   <!-- recipe NAME: typed -->           types what stands behind "$ ", and is answered with the other lines
#   <!-- recipe NAME: file PATH -->       makes it the content of a file
#   <!-- recipe NAME: append PATH -->     puts it at the end of a file
#   <!-- recipe NAME: output -->          finds it where a case looks for it
#   <!-- recipe NAME: tree -->            types it where these files are; each line is a program of theirs
#   <!-- no recipe: a picture -->         looks at it; or "a message"
# Sourced by packaging/test.

# Takes the marked blocks of documents apart: TO/NAME/NN.how, NN.where, NN.text. Prints blocks without a mark, and marks
# without a block.
extract_recipes() {
    local to=$1
    shift
    awk -v to="$to" '
        FNR == 1 { inside = 0; mark = "" }
        /^<!-- (recipe [a-z0-9-]+: (run|start|typed|output|tree|(file|append) [^ ]+)|no recipe: a (picture|message)) -->$/ {
            mark = $0
            next
        }
        /^```/ && !inside {
            inside = 1
            if (mark == "") print FILENAME ":" FNR ": a block of code without a mark"
            if (mark ~ /^<!-- recipe/) {
                split(mark, word, " ")
                name = substr(word[3], 1, length(word[3]) - 1)
                step = sprintf("%s/%s/%02d", to, name, ++steps[name])
                system("mkdir -p " to "/" name)
                print word[4] > (step ".how")
                print (word[5] == "-->" ? FILENAME ":" FNR : word[5]) > (step ".where")
                text = step ".text"
                printf "" > text
            } else text = ""
            mark = ""
            next
        }
        /^```/ { inside = 0; if (text != "") close(text); text = ""; next }
        inside { if (text != "") print > text; next }
        /^[ \t]+(```|~~~)|^~~~/ { print FILENAME ":" FNR ": a block of code that is not at the edge, or not of three backticks" }
        NF && mark != "" { print FILENAME ":" FNR ": a mark without a block of code"; mark = "" }
    ' "$@"
}

# Follows a recipe in the present machine; what it prints is printed. DNS records it prints are published.
follow() {
    local name=$1 step where
    [ -d "$work/recipes/$name" ] || { echo "no document has a recipe \"$name\""; return 1; }
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
            start)
                echo "--- $where"
                inside bash -e < "$step.text" > "$work/started" 2>&1 &
                ;;
            typed)
                echo "--- $where"
                # The shell repeats each line that it reads.
                sed -n 's/^\$ //p' "$step.text" | inside bash -v > "$work/said" 2>&1 || true
                sed 's/^\$ //' "$step.text" | diff <(steady) <(steady < "$work/said") || { echo "$where: is answered otherwise"; return 1; }
                ;;
            file)
                mkdir -p "$root/$(dirname "$where")"
                cat "$step.text" > "$root/$where"
                ;;
            append) cat "$step.text" >> "$root/$where" ;;
        esac
    done
}

# Finds what a document shows, line for line, among the lines of a file: RECIPE FILE.
shows() {
    local step found=0
    for step in "$work/recipes/$1"/*.how; do
        [ "$(cat "$step")" = output ] || continue
        found=1
        steady < "$2" > "$work/steady"
        steady < "${step%.how}.text" | grep -vxFf "$work/steady" || continue
        echo "$(cat "${step%.how}.where"): the lines above are not among these:"
        cat "$work/steady"
        return 1
    done
    [ $found = 1 ] || { echo "no document shows \"$1\""; return 1; }
}

# What is another each time: times, numbers of processes, keys, signatures.
steady() {
    perl -0pe 's/\bt=\d{10}\b/t=TIME/g; s/\d{4}-\d\d-\d\dT[\d:.]+Z/TIME/g; s/\[\d+\]/[PID]/g; s/"pid":\d+/"pid":PID/g;
        s/\bp=[\w+\/]{40,}=*/p=KEY/g; s/\bb=[\w+\/\s]+==$/b=SIGNATURE/mg'
}

# Puts the records of a zone file that a command has printed into the zone.
publish() {
    awk '/\tIN\tTXT\t/ { on = 1; long = /\($/ } on { print } on && (!long || /\)$/) { on = 0 }' "$1" > "$work/records"
    [ -s "$work/records" ] || return 0
    cat "$work/records" >> "$root/etc/nsd/zone"
    inside systemctl restart nsd
}
