'use strict'

// A service of today: performs a task, or handles an event, as Ponos does, and prints what it was given as one JSON
// line, each time until it is ended. It prints `ready` once it is subscribed.
//
//   node worker.js <app> <task>              the task's queue must exist, of whatever type
//   node worker.js <app> <task> --declare    declares it as Ponos does: durable and classic
//   node worker.js <app> <event> --event     subscribes to an event, as Ponos does

const broker = require('./broker')
const { getNamespace } = require('continuation-local-storage')
const Ponos = require('ponos')

const [app, name, flag] = process.argv.slice(2)
const isEvent = flag === '--event'

const rabbitmq = Object.assign(broker.options(), {
  name: app,
  tasks: flag === '--declare' ? [name] : [],
  events: isEvent ? [name] : []
})
const server = new Ponos.Server({ name: app, rabbitmq, [isEvent ? 'events' : 'tasks']: { [name]: perform } })

function perform (job, meta) {
  const tid = getNamespace('ponos').get('tid')
  broker.report({ task: `${app}.${name}`, job, tid, meta })
}

server.start().then(() => process.stdout.write('ready\n')).catch(broker.fail)
