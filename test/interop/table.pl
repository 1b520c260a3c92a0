#!/usr/bin/perl
#
# Reads what the drivers print (row, column, result, remark; tabs between them)
# and prints a table, then the remarks, then the count.  A row is a line, in the
# order of first appearance.  Exits with 1 if anything failed or nothing was ok.

use strict;
use warnings;

binmode(STDIN, ':utf8');
binmode(STDOUT, ':utf8');

my (@rows, @columns, %result, %seen, @remarks);
my %count = (ok => 0, FAILED => 0, SDK => 0);

while (my $line = <STDIN>)
{
	chomp $line;
	my ($row, $column, $result, $remark) = split(/\t/, $line, 4);
	if (!defined $result || !exists $count{$result})
	{
		# what a driver says when it dies
		print "# $line\n";
		next;
	}
	push(@rows, $row) if !$seen{"row $row"}++;
	push(@columns, $column) if !$seen{"column $column"}++;
	$result{$row}{$column} = $result;
	$count{$result}++;
	push(@remarks, [ $row, $column, $result, $remark ]) if defined $remark && $remark ne '';
}

my $width = 4;
foreach my $row (@rows)
{
	$width = length($row) if length($row) > $width;
}

print sprintf("%-${width}s", 'call'), map { " | $_" } @columns;
print "\n", '-' x $width, map { '-+-' . '-' x length($_) } @columns;
print "\n";
foreach my $row (@rows)
{
	my $line = sprintf("%-${width}s", $row);
	foreach my $column (@columns)
	{
		$line .= sprintf(" | %-*s", length($column), $result{$row}{$column} // '');
	}
	$line =~ s/ +$//;
	print "$line\n";
}

# the same remark of several columns is one
my %columns_of;
my @order;
foreach my $remark (@remarks)
{
	my ($row, $column, $result, $text) = @$remark;
	my $key = "$result: $row: $text";

	push(@order, $key) if !$columns_of{$key};
	push(@{ $columns_of{$key} }, $column);
}
print "\n" if @order;
foreach my $key (sort { ($b =~ /^FAILED/ <=> $a =~ /^FAILED/) } @order)
{
	print "$key (" . join(', ', @{ $columns_of{$key} }) . ")\n";
}
print "\nok: done, and the result was checked.  SDK: the SDK itself makes it impossible.\n";
printf "%d ok, %d failed, %d impossible with this SDK\n", $count{ok}, $count{FAILED}, $count{SDK};
exit($count{FAILED} > 0 || $count{ok} == 0 ? 1 : 0);
