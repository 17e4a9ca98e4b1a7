# Reads NUL-separated values of Authentication-Results on standard input and prints, for each, the service and the results
# that Mail::AuthenticationResults finds, or nothing.
use strict;
use warnings;
use Mail::AuthenticationResults::Parser;

local $/ = "\0";
binmode STDIN;
while (my $value = <STDIN>) {
    chomp $value;
    my $line = eval {
        my $field = Mail::AuthenticationResults::Parser->new($value)->parsed;
        join ' ', $field->value->value, map { $_->key . '=' . $_->value } @{ $field->search({ isa => 'entry' })->children };
    };
    $line = '' unless defined $line;
    $line =~ s/[^ -~]/?/g;
    print "$line\n";
}
