// A mixin of a given size, for `jsonnet -m`: alerts, recording rules and dashboards.
local lib = import 'lib.libsonnet';
function(alerts, records, dashboards, panels) {
  'alerts.json': { groups: [{ name: 'alerts', rules: [
    lib.alert('Alert%d' % i, 'ims_metric_%d_total' % i, if i % 3 == 0 then 'critical' else 'warning', i, '5m')
    for i in std.range(1, alerts)
  ] }] },
  'rules.json': { groups: [{ name: 'rules', interval: '30s', rules: [
    lib.record('service:ims_metric_%d:rate5m' % i, 'ims_metric_%d_total' % i, '5m')
    for i in std.range(1, records)
  ] }] },
} + {
  ['dashboard-%d.json' % d]: lib.dashboard('ims-%d' % d, 'Dashboard %d' % d, [
    'ims_metric_%d_%d_total' % [d, p] for p in std.range(1, panels)
  ])
  for d in std.range(1, dashboards)
}
