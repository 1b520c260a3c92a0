#!/bin/bash
# build-package.sh major: in a folder of the matrix that has nothing but its
# release's base system, build the Debian package of /src/rtm for one version of
# PostgreSQL, from source and in two ways.  The results are in /src.
set -eux
major=$1
cd /src/rtm
version=$(dpkg-parsechangelog -S Version 2>/dev/null || sed -nE '1s/.*\((.*)\).*/\1/p' debian/changelog)
apt-get -qq update
# what builds any package; what this one needs is in debian/control
apt-get -qq install -y build-essential
apt-get -qq build-dep -y ./
tar -C /src --transform "s,^rtm,rtm-${version%-*}," -czf "/src/rtm_${version%-*}.orig.tar.gz" rtm

pg_buildext updatecontrol
grep -q "^Package: postgresql-$major-rtm\$" debian/control
dpkg-buildpackage -us -uc
# the source package is whole: build what it has once more
(cd / && rm -rf /tmp/again && dpkg-source -x "/src/rtm_$version.dsc" /tmp/again)
diff -r --exclude=debian --exclude=.pc /src/rtm /tmp/again | tee /tmp/differences
[ ! -s /tmp/differences ]

: >/src/lintian.log
if [ "$major" = 15 ]; then
	apt-get -qq install -y lintian
	lintian --allow-root --display-info --pedantic --fail-on error,warning \
		--suppress-tags-from-file test/matrix/lintian-tags \
		"/src/rtm_$version"_*.changes | tee /src/lintian.log
fi

# the regression tests, as Debian's autopkgtest would run them
apt-get -qq install -y "/src/postgresql-$major-rtm_$version"_*.deb "/src/postgresql-$major-rtm-gate_$version"_*.deb
chown -R postgres: /src/rtm
runuser -u postgres -- debian/tests/installcheck
