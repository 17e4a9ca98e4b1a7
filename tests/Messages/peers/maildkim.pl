#!/usr/bin/perl
# Mail::DKIM behind the protocol of README.md.
use strict;
use warnings;

my $clock;
BEGIN { $clock = 0; *CORE::GLOBAL::time = sub () { $clock || CORE::time() } }

use Mail::DKIM::Verifier;
use Mail::DKIM::Signer;
use Mail::DKIM::DkSignature;
use Mail::DKIM::Signature;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::DNS;
use Net::DNS;

my (%zone, %failing);

{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($domain, $type) = @_;
        my $name = lc $domain;
        die "DNS error: SERVFAIL\n" if $failing{$name};
        my $records = $zone{$name} or do { $@ = 'NXDOMAIN'; return };
        return map {
            Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => [ unpack('(a255)*', $_) ])
        } @$records;
    };
}

binmode STDIN;
binmode STDOUT;
$| = 1;

sub octets { my $text = ''; read(STDIN, $text, $_[0]) if $_[0]; $text }
sub plain { my $text = shift // ''; $text =~ s/[^ -~]+/ /g; $text = substr($text, 0, 120); $text eq '' ? '-' : $text }

sub verify {
    my $message  = shift;
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT($message);
    $verifier->CLOSE;
    my %count;
    return map {
        my $kind   = $_->isa('Mail::DKIM::DkSignature') ? 'domainkeys' : 'dkim';
        my $word   = $_->result || 'invalid';
        my $detail = $_->result_detail || '';
        $word = 'temperror' if $detail =~ /SERVFAIL/;
        $word = 'invalid' if $word ne 'pass' && $word ne 'fail' && $word ne 'temperror';
        join ' ', $kind, $count{$kind}++ || 0, $word, plain($detail);
    } $verifier->signatures;
}

sub sign {
    my ($kind, $algorithm, $header, $body, $domain, $selector, $key, $message) = @_;
    $key =~ s/-----[^-]+-----|\s+//g;
    my %common = (
        Algorithm => $algorithm, Domain => $domain, Selector => $selector,
        Key       => Mail::DKIM::PrivateKey->load(Data => $key),
    );
    my $signer = $kind eq 'domainkeys'
      ? Mail::DKIM::Signer->new(
        %common, Method => $header,
        Policy => sub {
            my $self = shift;
            $self->add_signature(Mail::DKIM::DkSignature->new(
                Algorithm => $algorithm, Method => $header, Headers => $self->headers,
                Domain    => $domain,    Selector => $selector));
            return 0;
        })
      : Mail::DKIM::Signer->new(
        %common, Method => "$header/$body",
        Policy => sub {
            my $self = shift;
            $self->add_signature(Mail::DKIM::Signature->new(
                Algorithm => $algorithm, Method => "$header/$body", Headers => $self->headers,
                Domain    => $domain,    Selector => $selector, Timestamp => $clock));
            return 0;
        });
    $signer->PRINT($message);
    $signer->CLOSE;
    return $signer->signature->as_string . "\r\n";
}

while (defined(my $line = <STDIN>)) {
    my ($request, @rest) = split ' ', $line;
    if ($request eq 'clear') { %zone = %failing = (); print "ok\n" }
    elsif ($request eq 'record') { push @{ $zone{ lc $rest[0] } }, octets($rest[1]); print "ok\n" }
    elsif ($request eq 'failing') { $failing{ lc $rest[0] } = 1; print "ok\n" }
    elsif ($request eq 'verify') {
        $clock = $rest[0];
        my $message = octets($rest[1]);
        my @answers = eval { verify($message) };
        print $@ ? 'no ' . plain($@) . "\n" : join("\t", 'ok', @answers) . "\n";
    }
    elsif ($request eq 'sign') {
        $clock = $rest[6];
        my ($key, $message) = (octets($rest[7]), octets($rest[8]));
        my $field = eval { sign(@rest[ 0 .. 5 ], $key, $message) };
        print defined $field ? 'ok ' . length($field) . "\n$field" : 'no ' . plain($@) . "\n";
    }
    else { print "no such request\n" }
}
