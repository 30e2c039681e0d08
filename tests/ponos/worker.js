'use strict'

// A worker of today: performs one task as Ponos does, prints what it was given as one JSON line, and exits.
// It prints `ready` once it is subscribed.
//
//   node worker.js               the queue must exist, of whatever type
//   node worker.js --declare     declares it as Ponos does: durable and classic

const broker = require('./broker')
const { getNamespace } = require('continuation-local-storage')
const Ponos = require('ponos')

const APP = 'pheidi'
const TASK = 'email.send'
// Ponos acknowledges after the task has ended, and says nothing about it.
const TIME_TO_ACKNOWLEDGE = 250

const declared = process.argv.includes('--declare') ? [TASK] : []
const server = new Ponos.Server({
  name: APP,
  rabbitmq: Object.assign(broker.options(), { name: APP, tasks: declared }),
  tasks: { [TASK]: perform }
})

function perform (job, meta) {
  const tid = getNamespace('ponos').get('tid')
  broker.report({ task: `${APP}.${TASK}`, job, tid, meta })
  setTimeout(() => server.stop().then(() => process.exit(0)).catch(broker.fail), TIME_TO_ACKNOWLEDGE)
}

server.start().then(() => process.stdout.write('ready\n')).catch(broker.fail)
